//! P-256 and P-384 in little flash: key agreement and ECDSA verification (NIST SP 800-186, FIPS 186-5 §6.4.2).
//!
//! Everything is one multiplication and one addition of points, a tenth of the code of crates that are made for speed.
//! The time it takes does not depend on secrets.
//!
//! Invariant: a point that was read lies on its curve; what is verified is a signature of exactly one DER form.

mod field;
mod point;
#[cfg(all(test, feature = "rustcrypto-curves"))]
mod test;

use rand_core::CryptoRng;
use zeroize::Zeroize;

use self::field::{Field, Words};
use self::point::{Curve, Point};
use crate::codec::Reader;

/// secp256r1.
#[cfg(feature = "p256")]
pub static P256: Curve<8> = Curve {
    coordinates: Field::new([
        0xffff_ffff,
        0xffff_ffff,
        0xffff_ffff,
        0,
        0,
        0,
        1,
        0xffff_ffff,
    ]),
    scalars: Field::new([
        0xfc63_2551,
        0xf3b9_cac2,
        0xa717_9e84,
        0xbce6_faad,
        0xffff_ffff,
        0xffff_ffff,
        0,
        0xffff_ffff,
    ]),
    b: [
        0x27d2_604b,
        0x3bce_3c3e,
        0xcc53_b0f6,
        0x651d_06b0,
        0x7698_86bc,
        0xb3eb_bd55,
        0xaa3a_93e7,
        0x5ac6_35d8,
    ],
    generator: [
        [
            0xd898_c296,
            0xf4a1_3945,
            0x2deb_33a0,
            0x7703_7d81,
            0x63a4_40f2,
            0xf8bc_e6e5,
            0xe12c_4247,
            0x6b17_d1f2,
        ],
        [
            0x37bf_51f5,
            0xcbb6_4068,
            0x6b31_5ece,
            0x2bce_3357,
            0x7c0f_9e16,
            0x8ee7_eb4a,
            0xfe1a_7f9b,
            0x4fe3_42e2,
        ],
    ],
};

/// secp384r1.
#[cfg(feature = "p384")]
pub static P384: Curve<12> = Curve {
    coordinates: Field::new([
        0xffff_ffff,
        0,
        0,
        0xffff_ffff,
        0xffff_fffe,
        0xffff_ffff,
        0xffff_ffff,
        0xffff_ffff,
        0xffff_ffff,
        0xffff_ffff,
        0xffff_ffff,
        0xffff_ffff,
    ]),
    scalars: Field::new([
        0xccc5_2973,
        0xecec_196a,
        0x48b0_a77a,
        0x581a_0db2,
        0xf437_2ddf,
        0xc763_4d81,
        0xffff_ffff,
        0xffff_ffff,
        0xffff_ffff,
        0xffff_ffff,
        0xffff_ffff,
        0xffff_ffff,
    ]),
    b: [
        0xd3ec_2aef,
        0x2a85_c8ed,
        0x8a2e_d19d,
        0xc656_398d,
        0x5013_875a,
        0x0314_088f,
        0xfe81_4112,
        0x181d_9c6e,
        0xe3f8_2d19,
        0x988e_056b,
        0xe23e_e7e4,
        0xb331_2fa7,
    ],
    generator: [
        [
            0x7276_0ab7,
            0x3a54_5e38,
            0xbf55_296c,
            0x5502_f25d,
            0x8254_2a38,
            0x59f7_41e0,
            0x8ba7_9b98,
            0x6e1d_3b62,
            0xf320_ad74,
            0x8eb1_c71e,
            0xbe8b_0537,
            0xaa87_ca22,
        ],
        [
            0x90ea_0e5f,
            0x7a43_1d7c,
            0x1d7e_819d,
            0x0a60_b1ce,
            0xb5f0_b8c0,
            0xe9da_3113,
            0x289a_147c,
            0xf8f4_1dbd,
            0x9292_dc29,
            0x5d9e_98bf,
            0x9626_2c6f,
            0x3617_de4a,
        ],
    ],
};

/// The first byte of a point with both coordinates.
const UNCOMPRESSED: u8 = 4;

/// A private key of a curve. Wiped when it is dropped.
pub struct PrivateKey<const N: usize>(Words<N>);

impl<const N: usize> PrivateKey<N> {
    /// Any private key, all equally likely.
    pub fn generate(curve: &Curve<N>, random: &mut dyn CryptoRng) -> Self {
        let mut bytes = [[0; 4]; N];
        loop {
            random.fill_bytes(bytes.as_flattened_mut());
            let mut key = Self(words(bytes.as_flattened()));
            bytes.zeroize();
            if curve.scalar(&key.0).is_some() {
                return key;
            }
            key.0.zeroize();
        }
    }

    /// The public key to it, uncompressed, into the whole of `out`.
    pub fn public(&self, curve: &Curve<N>, out: &mut [u8]) -> Option<()> {
        let generator = curve.point(&curve.generator)?;
        let [x, y] = self.multiple_of(curve, &generator)?;
        let (form, out) = out.split_first_mut()?;
        *form = UNCOMPRESSED;
        let (x_out, y_out) = out.split_at_mut_checked(4 * N)?;
        write(&x, x_out);
        write(&y, y_out);
        Some(())
    }

    /// The first coordinate of the point shared with the owner of the public key `peer`, into the whole of `out`.
    pub fn agree(&self, curve: &Curve<N>, peer: &[u8], out: &mut [u8]) -> Option<()> {
        let [mut x, mut y] = self.multiple_of(curve, &curve.read(peer)?)?;
        write(&x, out);
        x.zeroize();
        y.zeroize();
        Some(())
    }

    fn multiple_of(&self, curve: &Curve<N>, point: &Point<N>) -> Option<[Words<N>; 2]> {
        let mut product = curve.sum_of_multiples([point; 2], [&self.0, &[0; N]]);
        let coordinates = curve.coordinates_of(&product);
        product.wipe();
        coordinates
    }
}

impl<const N: usize> Drop for PrivateKey<N> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<const N: usize> Curve<N> {
    /// Verifies an ECDSA signature, DER, of a message with this digest by the owner of `public_key`, uncompressed.
    pub fn verify(&self, public_key: &[u8], digest: &[u8], signature: &[u8]) -> Option<()> {
        let key = self.read(public_key)?;
        let [r, s] = read_signature(signature)?;
        let (r, s) = (self.scalar(&r)?, self.scalar(&s)?);
        let scalars = &self.scalars;
        let digest = digest.get(..4 * N).unwrap_or(digest);
        let inverse = scalars.invert(&s);
        let of_generator = scalars.mul(&scalars.reduced(&words(digest)), &inverse);
        let of_key = scalars.mul(&r, &inverse);
        let sum = self.sum_of_multiples(
            [&self.point(&self.generator)?, &key],
            [&scalars.words(&of_generator), &scalars.words(&of_key)],
        );
        let [x, _] = self.coordinates_of(&sum)?;
        scalars.reduced(&x).equals(&r).then_some(())
    }

    /// A factor that is neither 0 nor too large.
    fn scalar(&self, words: &Words<N>) -> Option<field::Element<N>> {
        let scalar = self.scalars.element(words)?;
        (*words != [0; N]).then_some(scalar)
    }

    /// Reads a point, uncompressed.
    fn read(&self, bytes: &[u8]) -> Option<Point<N>> {
        let (&form, bytes) = bytes.split_first()?;
        let (x, y) = bytes.split_at_checked(4 * N)?;
        if form != UNCOMPRESSED || y.len() != 4 * N {
            return None;
        }
        self.point(&[words(x), words(y)])
    }
}

/// The two numbers of a signature.
fn read_signature<const N: usize>(der: &[u8]) -> Option<[Words<N>; 2]> {
    const SEQUENCE: u8 = 0x30;
    const INTEGER: u8 = 2;
    let mut outer = Reader::new(der);
    let mut numbers = read_value(&mut outer, SEQUENCE)?;
    let mut number = || {
        let bytes = read_value(&mut numbers, INTEGER)?.rest();
        // The highest bit is the sign, and there is a zero in front exactly where one would be taken for it.
        let bytes = match bytes {
            [0, rest @ ..] if rest.first() >= Some(&0x80) => rest,
            [0] | [1..0x80, ..] => bytes,
            _ => return None,
        };
        (bytes.len() <= 4 * N).then(|| words(bytes))
    };
    let signature = [number()?, number()?];
    (numbers.is_empty() && outer.is_empty()).then_some(signature)
}

/// What a length of one byte follows: nothing longer is in a signature.
fn read_value<'a>(reader: &mut Reader<'a>, kind: u8) -> Option<Reader<'a>> {
    let found = reader.u8().ok()?;
    let length = reader.u8().ok().filter(|&length| length < 0x80)?;
    let value = reader.sub(usize::from(length)).ok()?;
    (found == kind).then_some(value)
}

/// The number of these bytes, highest first. At most `4 * N` of them count, the last ones.
fn words<const N: usize>(bytes: &[u8]) -> Words<N> {
    let mut words = [0; N];
    for (index, &byte) in bytes.iter().rev().enumerate() {
        if let Some(word) = words.get_mut(index / 4) {
            *word |= u32::from(byte) << (index % 4 * 8);
        }
    }
    words
}

/// Fills `out` with a number's lowest bytes, highest first.
fn write<const N: usize>(words: &Words<N>, out: &mut [u8]) {
    let words = words.iter().rev().flat_map(|word| word.to_be_bytes());
    out.iter_mut()
        .zip(words)
        .for_each(|(out, byte)| *out = byte);
}
