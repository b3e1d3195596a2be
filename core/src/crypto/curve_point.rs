//! Points of P-256 and P-384 and ECDSA signatures, as TLS and certificates carry them (RFC 5480 §2.2, SEC 1 §2.3.3).
//!
//! Only what is allowed there is read: RustCrypto's own readers would bring compressed points, and with them square
//! roots, and a general reader of DER into every binary.
//!
//! Invariant: a point that was read is on its curve and not at infinity; the numbers of a signature have one form.

#[cfg(feature = "p256")]
use p256::elliptic_curve;
#[cfg(not(feature = "p256"))]
use p384::elliptic_curve;

use elliptic_curve::point::AffineCoordinates;
use elliptic_curve::{AffinePoint, Curve, CurveArithmetic, FieldBytes, PublicKey};

use crate::codec::{Reader, copy};

/// The first byte of a point with both coordinates.
const UNCOMPRESSED: u8 = 4;

/// Reads a point, uncompressed.
pub fn read_point<C>(bytes: &[u8]) -> Option<PublicKey<C>>
where
    C: CurveArithmetic,
    AffinePoint<C>: AffineCoordinates<FieldRepr = FieldBytes<C>>,
{
    let (&form, coordinates) = bytes.split_first()?;
    let (x, y) = coordinates.split_at_checked(coordinates.len() / 2)?;
    if form != UNCOMPRESSED {
        return None;
    }
    let (x, y) = (x.try_into().ok()?, y.try_into().ok()?);
    let point = AffinePoint::<C>::from_coordinates(x, y).into_option()?;
    PublicKey::from_affine(point).ok()
}

/// Writes a point, uncompressed.
#[cfg(feature = "p256")]
pub fn write_point<C>(point: &PublicKey<C>, out: &mut [u8])
where
    C: CurveArithmetic,
    AffinePoint<C>: AffineCoordinates<FieldRepr = FieldBytes<C>>,
{
    let point = point.as_affine();
    let (x, y) = (point.x(), point.y());
    let bytes = [UNCOMPRESSED].into_iter().chain(x).chain(y);
    out.iter_mut()
        .zip(bytes)
        .for_each(|(out, byte)| *out = byte);
}

/// Reads the two numbers of a signature, DER.
pub fn read_signature<C: Curve>(der: &[u8]) -> Option<[FieldBytes<C>; 2]> {
    let mut outer = Reader::new(der);
    let mut numbers = read_value(&mut outer, SEQUENCE)?;
    let mut signature = [FieldBytes::<C>::default(), FieldBytes::<C>::default()];
    for number in &mut signature {
        read_number(&mut numbers, number)?;
    }
    (numbers.is_empty() && outer.is_empty()).then_some(signature)
}

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 2;

/// Reads a number into the end of `out`, which holds zeros.
fn read_number(reader: &mut Reader<'_>, out: &mut [u8]) -> Option<()> {
    // The highest bit is the sign, and there is a zero in front exactly where one would be taken for it.
    let number = match read_value(reader, INTEGER)?.rest() {
        [0, rest @ ..] if rest.first() >= Some(&0x80) => rest,
        number @ ([0] | [1..0x80, ..]) => number,
        _ => return None,
    };
    let start = out.len().checked_sub(number.len())?;
    copy(out.get_mut(start..)?, number);
    Some(())
}

/// What a length of one byte stands in front of: nothing longer is in a signature.
fn read_value<'a>(reader: &mut Reader<'a>, tag: u8) -> Option<Reader<'a>> {
    let found = reader.u8().ok()?;
    let length = reader.u8().ok().filter(|&length| length < 0x80)?;
    let value = reader.sub(usize::from(length)).ok()?;
    (found == tag).then_some(value)
}

#[cfg(all(test, feature = "p256"))]
mod tests {
    use super::*;
    use crate::crypto::Random;
    use crate::crypto::vectors::hex;
    use elliptic_curve::Generate;
    use elliptic_curve::sec1::ToSec1Point;
    use p256::NistP256;
    use p256::ecdsa::Signature;

    #[test]
    fn points_are_read_and_written_as_rustcrypto_does() {
        let mut random = Random::new([8; 32]);
        for _ in 0..20 {
            let key = p256::SecretKey::generate_from_rng(&mut random).public_key();
            let mut ours = [0; 65];
            write_point(&key, &mut ours);
            assert_eq!(ours, key.to_sec1_point(false).as_bytes());
            assert_eq!(read_point::<NistP256>(&ours), Some(key));
            for bit in 0..8 * ours.len() {
                let mut changed = ours;
                changed[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(read_point::<NistP256>(&changed), None, "bit {bit}");
            }
            for length in 0..65 {
                assert_eq!(read_point::<NistP256>(&ours[..length]), None);
            }
            assert_eq!(
                read_point::<NistP256>(key.to_sec1_point(true).as_bytes()),
                None
            );
            assert_eq!(read_point::<NistP256>(&[&ours[..], &[0]].concat()), None);
        }
        assert_eq!(read_point::<NistP256>(&[0]), None, "the point at infinity");
        assert_eq!(read_point::<NistP256>(&[4]), None);
    }

    /// Whatever is done to a signature, it is read as RustCrypto reads it or not at all.
    #[test]
    fn signatures_are_read_as_rustcrypto_does() {
        use rand_core::Rng;
        let mut random = Random::new([9; 32]);
        let read = |der: &[u8]| {
            let [r, s] = read_signature::<NistP256>(der)?;
            Signature::from_scalars(r, s).ok()
        };
        let mut both = 0;
        for round in 0..200_u8 {
            let mut numbers = [[0; 32]; 2];
            // Of every length, with the highest bit set and not.
            for number in &mut numbers {
                let start = usize::from(round) % 32;
                random.fill_bytes(&mut number[start..]);
            }
            let Ok(signature) = Signature::from_scalars(numbers[0], numbers[1]) else {
                continue;
            };
            let der = signature.to_der();
            assert_eq!(read(der.as_bytes()), Some(signature));
            for _ in 0..50 {
                let mut changed = der.as_bytes().to_vec();
                let at = random.next_u64() as usize % changed.len().min(12);
                changed[at] ^= 1 << (random.next_u64() % 8);
                assert_eq!(read(&changed), Signature::from_der(&changed).ok());
                both += usize::from(read(&changed).is_some());
            }
        }
        assert!(both > 100, "{both}");
    }

    #[test]
    fn numbers_have_one_form() {
        let is_read = |der: &str| read_signature::<NistP256>(&hex(der)).is_some();
        assert!(is_read("3006020101020102"));
        assert!(is_read("300702020080020102"));
        for wrong in [
            "",
            "30",
            "3006",
            "300602010102010200",
            "3007020101020102",
            "3005020101020102",
            "3106020101020102",
            "3006030101020102",
            "3006020180020102",
            "30070202000 1020102",
            "30050200020102",
            "308106020101020102",
            "3003020101",
            "3009020101020102020103",
        ] {
            assert!(!is_read(&wrong.replace(' ', "")), "{wrong}");
        }
        let long = std::format!("302602210{}020101", "1".repeat(65));
        assert!(!is_read(&long));
    }
}
