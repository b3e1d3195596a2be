//! Points of a curve `y² = x³ - 3x + b` of prime order, and their sums.
//!
//! Invariant: one formula adds any two points, equal ones and the neutral one included (Renes, Costello, Batina 2015,
//! algorithm 4), so a sum of multiples takes the same time whatever the points and the factors are.

use super::field::{Element, Field, Words, bit_of};

/// A curve and the point whose multiples are used.
pub struct Curve<const N: usize> {
    /// What coordinates are.
    pub coordinates: Field<N>,
    /// What factors are: integers modulo the number of points.
    pub scalars: Field<N>,
    pub b: Words<N>,
    pub generator: [Words<N>; 2],
}

/// A point `(x/z, y/z)`; the neutral one has `z = 0`.
#[derive(Clone, Copy)]
pub struct Point<const N: usize> {
    pub x: Element<N>,
    pub y: Element<N>,
    pub z: Element<N>,
}

impl<const N: usize> Point<N> {
    fn assign_if(&mut self, choice: u32, other: &Self) {
        self.x.assign_if(choice, &other.x);
        self.y.assign_if(choice, &other.y);
        self.z.assign_if(choice, &other.z);
    }

    /// Overwrites it with zeros.
    pub fn wipe(&mut self) {
        self.x.wipe();
        self.y.wipe();
        self.z.wipe();
    }
}

impl<const N: usize> Curve<N> {
    /// The point with these coordinates, if they are below the modulus and it lies on the curve.
    pub fn point(&self, [x, y]: &[Words<N>; 2]) -> Option<Point<N>> {
        let field = &self.coordinates;
        let (x, y) = (field.element(x)?, field.element(y)?);
        let b = field.reduced(&self.b);
        let three = field.add(&field.add(&field.one, &field.one), &field.one);
        let slope = field.sub(&field.mul(&x, &x), &three);
        let right = field.add(&field.mul(&slope, &x), &b);
        let is_on_curve = field.mul(&y, &y).equals(&right);
        is_on_curve.then_some(Point { x, y, z: field.one })
    }

    /// The coordinates of a point; `None` for the neutral one.
    pub fn coordinates_of(&self, point: &Point<N>) -> Option<[Words<N>; 2]> {
        if point.z.equals(&Element::ZERO) {
            return None;
        }
        let field = &self.coordinates;
        let inverse = field.invert(&point.z);
        let of = |coordinate| field.words(&field.mul(coordinate, &inverse));
        Some([of(&point.x), of(&point.y)])
    }

    /// `scalars[0] · points[0] + scalars[1] · points[1]`.
    pub fn sum_of_multiples(&self, points: [&Point<N>; 2], scalars: [&Words<N>; 2]) -> Point<N> {
        let neutral = Point {
            x: Element::ZERO,
            y: self.coordinates.one,
            z: Element::ZERO,
        };
        let b = self.coordinates.reduced(&self.b);
        let both = self.add(points[0], points[1], &b);
        let mut sum = neutral;
        let mut term = neutral;
        for bit in (0..32 * N).rev() {
            sum = self.add(&sum, &sum, &b);
            let (first, second) = (bit_of(scalars[0], bit), bit_of(scalars[1], bit));
            term.assign_if(1, &neutral);
            term.assign_if(first, points[0]);
            term.assign_if(second, points[1]);
            term.assign_if(first & second, &both);
            sum = self.add(&sum, &term, &b);
        }
        term.wipe();
        sum
    }

    /// The sum of any two points.
    fn add(&self, one: &Point<N>, other: &Point<N>, b: &Element<N>) -> Point<N> {
        let field = &self.coordinates;
        let add = |a: &_, b: &_| field.add(a, b);
        let sub = |a: &_, b: &_| field.sub(a, b);
        let mul = |a: &_, b: &_| field.mul(a, b);
        let triple = |a: &_| add(&add(a, a), a);
        // The sum of products across: a·d + b·c, from (a + b)·(c + d) and both products a·c and b·d.
        let across = |a: &_, b: &_, c: &_, d: &_, ac: &_, bd: &_| {
            sub(&mul(&add(a, b), &add(c, d)), &add(ac, bd))
        };
        let xx = mul(&one.x, &other.x);
        let yy = mul(&one.y, &other.y);
        let zz = mul(&one.z, &other.z);
        let xy = across(&one.x, &one.y, &other.x, &other.y, &xx, &yy);
        let yz = across(&one.y, &one.z, &other.y, &other.z, &yy, &zz);
        let xz = across(&one.x, &one.z, &other.x, &other.z, &xx, &zz);
        let zz3 = triple(&zz);
        let middle = triple(&sub(&xz, &mul(b, &zz)));
        let outer = triple(&sub(&sub(&mul(b, &xz), &zz3), &xx));
        let slope = sub(&triple(&xx), &zz3);
        let (minus, plus) = (sub(&yy, &middle), add(&yy, &middle));
        Point {
            x: sub(&mul(&xy, &plus), &mul(&yz, &outer)),
            y: add(&mul(&plus, &minus), &mul(&slope, &outer)),
            z: add(&mul(&yz, &minus), &mul(&xy, &slope)),
        }
    }
}
