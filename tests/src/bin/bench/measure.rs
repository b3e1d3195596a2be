//! What a process on Linux knows of itself, and medians.

use std::fs;

/// Seconds of processor time that the threads of this process have used; threads that ended do not count.
pub fn cpu_seconds() -> f64 {
    let threads = fs::read_dir("/proc/self/task").expect("the benchmark runs on Linux");
    let nanoseconds = threads.map(|thread| {
        let path = thread.expect("a thread").path().join("schedstat");
        let text = fs::read_to_string(path).unwrap_or_default();
        let first = text.split(' ').next().and_then(|text| text.parse().ok());
        first.unwrap_or(0_u64)
    });
    nanoseconds.sum::<u64>() as f64 / 1e9
}

/// The most memory that this process ever had, in KiB.
pub fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("the benchmark runs on Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|rest| rest.trim().strip_suffix(" kB"));
    number
        .and_then(|number| number.parse().ok())
        .expect("Linux says how much memory a process had")
}

/// The median; of an even number of values, the upper one of the two in the middle.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
