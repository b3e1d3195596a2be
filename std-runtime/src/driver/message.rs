//! A request and its fields in the engine's terms, and a response's fields on the way back.
//!
//! Invariant: making a request allocates one list of borrowed fields and nothing else.

use http::Method;
use http::header::{CONTENT_LENGTH, HOST};
use quicpro_core::http3::{self, Field, FieldLine, Fields, Priority, RequestError, RequestId};
use quicpro_core::recovery::Codepoint;
use quinn_udp::EcnCodepoint;
use url::Position;

use super::exchange::{Exchange, Upload};
use super::fields::FieldBlock;

/// Sends the head of an exchange's request.
pub(super) fn make_request(
    client: &mut http3::Client<'static>,
    exchange: &Exchange,
) -> Result<RequestId, RequestError> {
    let request = &exchange.request;
    let url = request.url();
    let host = request
        .headers()
        .get(HOST)
        .and_then(|host| host.to_str().ok());
    let authority = host.unwrap_or(&url[Position::BeforeHost..Position::AfterPort]);
    let path = &url[Position::BeforePath..Position::AfterQuery];
    let mut fields: Vec<Field<'_>> = Vec::with_capacity(request.headers().len() + 1);
    for (name, value) in request.headers() {
        if name != HOST {
            let field = Field::new(name.as_str(), value.as_bytes());
            fields.push(if value.is_sensitive() {
                field.sensitive()
            } else {
                field
            });
        }
    }
    let length = match exchange.upload {
        Upload::Memory => request.body().length(),
        Upload::Stream(length) => length,
    };
    let expects_body = matches!(
        *request.method(),
        Method::POST | Method::PUT | Method::PATCH
    );
    let mut text = [0; 20];
    if let Some(length) = length.filter(|length| *length > 0 || expects_body)
        && !request.headers().contains_key(CONTENT_LENGTH)
    {
        fields.push(Field::new("content-length", decimal(length, &mut text)));
    }
    let mut head = http3::Request::new(request.method().as_str(), path)
        .authority(authority)
        .fields(&fields);
    if let Some(priority) = request.priority() {
        let asked = Priority::new(priority.urgency());
        head = head.priority(if priority.is_incremental() {
            asked.incremental()
        } else {
            asked
        });
    }
    client.request(&head)
}

/// `number` in decimal, without an allocation.
fn decimal(mut number: u64, text: &mut [u8; 20]) -> &[u8] {
    let mut start = text.len();
    loop {
        start -= 1;
        text[start] = b'0' + (number % 10) as u8; // one digit
        number /= 10;
        if number == 0 {
            return &text[start..];
        }
    }
}

/// The fields as they leave the engine's scratch.
pub(super) fn copy(mut fields: Fields<'_>) -> FieldBlock {
    let mut block = FieldBlock::new();
    while let Some(line) = fields.next_line() {
        match line {
            FieldLine::Field(field) => block.push(field.name().as_bytes(), field.value()),
            FieldLine::TooLong { name, length } => {
                log::warn!("field {name} of {length} bytes is left out");
            }
        }
    }
    block
}

pub(super) fn to_engine(ecn: Option<EcnCodepoint>) -> Codepoint {
    match ecn {
        None => Codepoint::NotEct,
        Some(EcnCodepoint::Ect0) => Codepoint::Ect0,
        Some(EcnCodepoint::Ect1) => Codepoint::Ect1,
        Some(EcnCodepoint::Ce) => Codepoint::Ce,
    }
}

pub(super) fn to_kernel(codepoint: Codepoint) -> Option<EcnCodepoint> {
    match codepoint {
        Codepoint::NotEct => None,
        Codepoint::Ect0 => Some(EcnCodepoint::Ect0),
        Codepoint::Ect1 => Some(EcnCodepoint::Ect1),
        Codepoint::Ce => Some(EcnCodepoint::Ce),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_decimal() {
        for number in [0, 7, 10, 1_234_567, u64::MAX] {
            assert_eq!(decimal(number, &mut [0; 20]), number.to_string().as_bytes());
        }
    }
}
