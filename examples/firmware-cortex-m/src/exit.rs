//! How a run ends: exit code 0, or 1 and the reason.

use cortex_m_rt::{ExceptionFrame, exception};
use defmt::error;
use quicpro_core::connection::ConfigError;
use quicpro_core::http3::{self, Code, MessageError, RecvError, RequestError, SendError};
use semihosting::process::ExitCode;

use crate::network;

/// Why there is no complete answer.
#[derive(Clone, Copy, Debug, defmt::Format)]
pub enum Failure {
    /// An argument is missing or cannot be read.
    Arguments,
    /// The certificate in flash is none.
    Root,
    Network(network::Error),
    Config(ConfigError),
    Request(RequestError),
    Send(SendError),
    Receive(RecvError),
    /// The response breaks HTTP's rules.
    Response(MessageError),
    /// The server abandoned the response.
    Abandoned(Code),
    /// The server takes no more requests.
    GoingAway,
    Closed(http3::Error),
    /// What came back is not what was sent.
    Echo,
    /// Not complete in the time that it was given.
    TimedOut,
}

macro_rules! from {
    ($($error:ty => $variant:ident),* $(,)?) => { $(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        }
    )* };
}

from! {
    network::Error => Network,
    ConfigError => Config,
    RequestError => Request,
    SendError => Send,
    RecvError => Receive,
}

/// Ends the run.
pub fn end(result: Result<(), Failure>) -> ! {
    match result {
        Ok(()) => ExitCode::SUCCESS.exit_process(),
        Err(failure) => {
            error!("failed: {}", failure);
            ExitCode::FAILURE.exit_process()
        }
    }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    // Not the message: to format one would cost more flash than the rest of this crate.
    if let Some(location) = info.location() {
        error!(
            "panicked at {=str}:{=u32}",
            location.file(),
            location.line()
        );
    }
    ExitCode::FAILURE.exit_process()
}

#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    error!("hard fault at {=u32:#x}", frame.pc());
    ExitCode::FAILURE.exit_process()
}
