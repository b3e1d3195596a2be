//! A polled Ethernet controller as smoltcp's device: one frame at a time, in no buffers but the controller's own.
//!
//! A frame lies on the stack while smoltcp looks at it; when that happens the stack is shallow.

use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;

/// The longest Ethernet frame, with its check sum, in whole words.
pub(super) const FRAME_MAX: usize = 1520;

/// What a driver does; the rest is the same for every controller.
pub trait Controller {
    /// A frame waits.
    fn has_frame(&self) -> bool;
    /// Takes a frame out of the controller; a bad one has no bytes.
    fn receive<'a>(&self, frame: &'a mut [u8; FRAME_MAX]) -> &'a [u8];
    /// Hands a frame to the controller.
    fn send(&self, frame: &[u8]);
}

/// A controller that is asked, and never calls.
pub struct Polled<C>(pub C);

/// A frame that waits in the controller.
pub struct Rx<'a, C>(&'a C);

/// Room for a frame to be sent.
pub struct Tx<'a, C>(&'a C);

impl<C: Controller> RxToken for Rx<'_, C> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(self.0.receive(&mut [0; FRAME_MAX]))
    }
}

impl<C: Controller> TxToken for Tx<'_, C> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, write: F) -> R {
        let mut frame = [0; FRAME_MAX];
        let frame = &mut frame[..length];
        let result = write(frame);
        self.0.send(frame);
        result
    }
}

impl<C: Controller> Device for Polled<C> {
    type RxToken<'a>
        = Rx<'a, C>
    where
        C: 'a;
    type TxToken<'a>
        = Tx<'a, C>
    where
        C: 'a;

    fn receive(&mut self, _: Instant) -> Option<(Rx<'_, C>, Tx<'_, C>)> {
        let waits = self.0.has_frame();
        waits.then_some((Rx(&self.0), Tx(&self.0)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Tx<'_, C>> {
        Some(Tx(&self.0))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1514;
        capabilities.max_burst_size = Some(1);
        capabilities
    }
}
