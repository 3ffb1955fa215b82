//! Wall time and CPU time. Owns reading them, of this process and of a server's processes.

use std::fs;
use std::ops::Add;
use std::path::Path;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Wall time and CPU time of all threads of this process.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Times {
    pub(crate) wall: f64,
    pub(crate) cpu: f64,
}

impl Add for Times {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            wall: self.wall + other.wall,
            cpu: self.cpu + other.cpu,
        }
    }
}

/// Began at some moment.
pub(crate) struct Stopwatch {
    wall: f64,
    cpu: f64,
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self {
            wall: clock(ClockId::Monotonic),
            cpu: clock(ClockId::ProcessCPUTime),
        }
    }

    pub(crate) fn read(&self) -> Times {
        Times {
            wall: clock(ClockId::Monotonic) - self.wall,
            cpu: clock(ClockId::ProcessCPUTime) - self.cpu,
        }
    }
}

fn clock(id: ClockId) -> f64 {
    let now = clock_gettime(id);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    let nanos = u32::try_from(now.tv_nsec).unwrap_or_default();
    Duration::new(seconds, nanos).as_secs_f64()
}

/// CPU seconds of a server: the process, its children, and the children that have ended
/// (PostgreSQL has one process for each connection).
pub(crate) fn server_cpu(pid: u32) -> f64 {
    let children = fs::read_dir("/proc").into_iter().flatten().flatten();
    let children = children
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|child: u32| stat(child))
        .filter(|stat| stat.parent == pid)
        .map(|stat| stat.own);
    let server = stat(pid).map_or(0.0, |stat| stat.own + stat.ended_children);
    server + children.sum::<f64>()
}

struct Stat {
    parent: u32,
    own: f64,
    ended_children: f64,
}

/// `/proc/PID/stat` (proc(5)): fields 4, 14 to 17. The clock ticks 100 times a second on Linux.
fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold spaces.
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |field: usize| fields.get(field - 3)?.parse::<f64>().ok();
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        own: (ticks(14)? + ticks(15)?) / 100.0,
        ended_children: (ticks(16)? + ticks(17)?) / 100.0,
    })
}

/// The most memory this process ever had resident, in bytes (`VmHWM`).
pub(crate) fn peak_resident() -> Option<u64> {
    let status = fs::read_to_string(Path::new("/proc/self/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// The middle one of several figures.
pub(crate) fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.into_iter().collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
