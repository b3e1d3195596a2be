//! HTTP/3 as an async task: embassy's executor, timers and network stack, and the engine beneath them.
//!
//! `request` is what a product writes. `device`, `time` and the executor's loop below are what a board support
//! crate of embassy brings along on real chips.
#![no_std]
#![no_main]

mod device;
mod request;
mod time;

use core::ptr;

use cortex_m::Peripherals;
use cortex_m_rt::entry;
use embassy_executor::raw::Executor;
use embassy_net::{Config, Ipv4Address, Ipv4Cidr, Runner, StackResources, StaticConfigV4};
use quicpro_firmware::arguments::{self, Arguments};
use quicpro_firmware::board;
use quicpro_firmware::clock::SysTick;
use quicpro_firmware::exit::{Failure, end};
use static_cell::StaticCell;

use device::Device;

/// Where QEMU's user network puts its guest, and the way out.
const ADDRESS: Ipv4Cidr = Ipv4Cidr::new(Ipv4Address::new(10, 0, 2, 15), 24);
const ROUTER: Ipv4Address = Ipv4Address::new(10, 0, 2, 2);

static EXECUTOR: StaticCell<Executor> = StaticCell::new();
static RESOURCES: StaticCell<StackResources<1>> = StaticCell::new();

#[entry]
fn main() -> ! {
    let executor = EXECUTOR.init(Executor::new(ptr::null_mut()));
    if let Err(failure) = start(executor) {
        end(Err(failure));
    }
    loop {
        time::wake();
        device::wake();
        // SAFETY: called from here alone, and `pend` does not call it.
        unsafe { executor.poll() };
        if !time::is_work_left() {
            cortex_m::asm::wfi();
        }
    }
}

fn start(executor: &'static Executor) -> Result<(), Failure> {
    let peripherals = Peripherals::take().ok_or(Failure::Arguments)?;
    time::start(SysTick::start(peripherals.SYST));
    let arguments = Arguments::parse(arguments::line()?)?;
    let (controller, address) =
        board::ethernet().ok_or(quicpro_firmware::network::Error::NoController)?;
    let config = Config::ipv4_static(StaticConfigV4 {
        address: ADDRESS,
        gateway: Some(ROUTER),
        dns_servers: Default::default(),
    });
    let (stack, runner) = embassy_net::new(
        Device::new(controller, address),
        config,
        RESOURCES.init(StackResources::new()),
        arguments.seed,
    );
    let spawner = executor.spawner();
    // Each task is spawned once, so there is room for it.
    if let (Ok(network), Ok(request)) = (run_network(runner), request::run(stack, arguments)) {
        spawner.spawn(network);
        spawner.spawn(request);
    }
    Ok(())
}

#[embassy_executor::task]
async fn run_network(mut runner: Runner<'static, Device>) {
    runner.run().await
}

/// The executor has work. It is found before the processor sleeps again.
#[unsafe(export_name = "__pender")]
fn pend(_: *mut ()) {
    time::note_work();
}
