//! Integers modulo an odd number of fixed length, in Montgomery form: what stands for `x` is `x · 2^(32·N)`.
//!
//! Invariant: every element is below the modulus, and no operation's time depends on the values of elements.

use core::hint::black_box;

use zeroize::Zeroize;

/// A number of `N` words, the lowest first.
pub type Words<const N: usize> = [u32; N];

/// A modulus, and what multiplying by it needs.
pub struct Field<const N: usize> {
    /// A prime whose highest bit is set.
    pub modulus: Words<N>,
    /// How many moduli clear a lowest word of 1 when they are added.
    clearing: u32,
    /// Stands for 1.
    pub one: Element<N>,
    /// Stands for 2^(32·N), which brings a number into Montgomery form.
    shift: Element<N>,
}

/// A number below the modulus, in Montgomery form.
#[derive(Clone, Copy)]
pub struct Element<const N: usize>(Words<N>);

impl<const N: usize> Element<N> {
    /// Stands for 0.
    pub const ZERO: Self = Self([0; N]);

    /// Becomes `other` if `choice` is 1, and stays as it is if it is 0.
    pub fn assign_if(&mut self, choice: u32, other: &Self) {
        // Out of the optimizer's sight, which could make a branch of it.
        let mask = black_box(choice.wrapping_neg());
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word ^= mask & (*word ^ other);
        }
    }

    /// Whether both are the same. For what is not secret.
    pub fn equals(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    /// Overwrites it with zeros.
    pub fn wipe(&mut self) {
        self.0.zeroize();
    }
}

impl<const N: usize> Field<N> {
    /// The field of an odd modulus whose highest bit is set.
    pub const fn new(modulus: Words<N>) -> Self {
        // Newton's iteration: the inverse of an odd number modulo 8 is itself, and a step doubles the right bits.
        let mut inverse = modulus[0];
        let mut step = 0;
        while step < 4 {
            inverse = inverse.wrapping_mul(2u32.wrapping_sub(modulus[0].wrapping_mul(inverse)));
            step += 1;
        }
        let one = subtract(&[0; N], &modulus).0;
        let mut shift = one;
        let mut bit = 0;
        while bit < 32 * N {
            let over = shift[N - 1] >> 31;
            shift = double(&shift);
            let (reduced, borrow) = subtract(&shift, &modulus);
            if over == 1 || borrow == 0 {
                shift = reduced;
            }
            bit += 1;
        }
        Self {
            modulus,
            clearing: inverse.wrapping_neg(),
            one: Element(one),
            shift: Element(shift),
        }
    }

    /// What stands for the number `words`; `None` if it is not below the modulus.
    pub fn element(&self, words: &Words<N>) -> Option<Element<N>> {
        let (_, below) = subtract(words, &self.modulus);
        (below == 1).then(|| self.mul(&Element(*words), &self.shift))
    }

    /// What stands for the number `words`, of which a modulus is subtracted if that is possible.
    pub fn reduced(&self, words: &Words<N>) -> Element<N> {
        let number = self.below_modulus(words, 0);
        self.mul(&number, &self.shift)
    }

    /// The number that `element` stands for.
    pub fn words(&self, element: &Element<N>) -> Words<N> {
        let mut one = [0; N];
        one[0] = 1;
        self.mul(element, &Element(one)).0
    }

    /// The sum.
    pub fn add(&self, one: &Element<N>, other: &Element<N>) -> Element<N> {
        let mut sum = [0; N];
        let mut carry = 0;
        for ((sum, one), other) in sum.iter_mut().zip(&one.0).zip(&other.0) {
            (*sum, carry) = multiply_add(*one, 1, *other, carry);
        }
        self.below_modulus(&sum, carry)
    }

    /// The difference.
    pub fn sub(&self, one: &Element<N>, other: &Element<N>) -> Element<N> {
        self.add(one, &Element(subtract(&self.modulus, &other.0).0))
    }

    /// The product.
    #[inline(never)]
    pub fn mul(&self, one: &Element<N>, other: &Element<N>) -> Element<N> {
        let mut sum = [0; N];
        // The word above the sum: it is below twice the modulus after every round.
        let mut top = 0;
        for &word in &one.0 {
            let mut carry = 0;
            for (sum, &other) in sum.iter_mut().zip(&other.0) {
                (*sum, carry) = multiply_add(word, other, *sum, carry);
            }
            let (next, over) = multiply_add(top, 1, carry, 0);
            // As many moduli as make the lowest word 0; all move down by one word.
            let times = sum[0].wrapping_mul(self.clearing);
            (_, carry) = multiply_add(times, self.modulus[0], sum[0], 0);
            for index in 1..N {
                (sum[index - 1], carry) =
                    multiply_add(times, self.modulus[index], sum[index], carry);
            }
            let (last, more) = multiply_add(next, 1, carry, 0);
            sum[N - 1] = last;
            top = over + more;
        }
        self.below_modulus(&sum, top)
    }

    /// The inverse; 0 for 0. By Fermat's theorem: the modulus is a prime, and it is public.
    pub fn invert(&self, element: &Element<N>) -> Element<N> {
        let mut two = [0; N];
        two[0] = 2;
        let exponent = subtract(&self.modulus, &two).0;
        let mut power = self.one;
        for bit in (0..32 * N).rev() {
            power = self.mul(&power, &power);
            if bit_of(&exponent, bit) == 1 {
                power = self.mul(&power, element);
            }
        }
        power
    }

    /// `words` with `carry` above them, which are below twice the modulus, less one modulus if that is possible.
    fn below_modulus(&self, words: &Words<N>, carry: u32) -> Element<N> {
        let (reduced, borrow) = subtract(words, &self.modulus);
        let mut result = Element(*words);
        result.assign_if(carry | (borrow ^ 1), &Element(reduced));
        result
    }
}

/// Bit `index` of a number.
pub fn bit_of<const N: usize>(words: &Words<N>, index: usize) -> u32 {
    let word = words.get(index / 32).copied().unwrap_or_default();
    word >> (index % 32) & 1
}

/// `one · other + plus + carry`, in two words, the lower first: it always fits.
const fn multiply_add(one: u32, other: u32, plus: u32, carry: u32) -> (u32, u32) {
    let sum = one as u64 * other as u64 + plus as u64 + carry as u64;
    (sum as u32, (sum >> 32) as u32)
}

/// The difference modulo 2^(32·N), and 1 if it would be negative.
const fn subtract<const N: usize>(one: &Words<N>, other: &Words<N>) -> (Words<N>, u32) {
    let mut difference = [0; N];
    let mut borrow = 0;
    let mut index = 0;
    while index < N {
        let wide = (one[index] as u64)
            .wrapping_sub(other[index] as u64)
            .wrapping_sub(borrow as u64);
        difference[index] = wide as u32;
        borrow = (wide >> 63) as u32;
        index += 1;
    }
    (difference, borrow)
}

/// The double modulo 2^(32·N).
const fn double<const N: usize>(words: &Words<N>) -> Words<N> {
    let mut double = [0; N];
    let mut carry = 0;
    let mut index = 0;
    while index < N {
        double[index] = words[index] << 1 | carry;
        carry = words[index] >> 31;
        index += 1;
    }
    double
}
