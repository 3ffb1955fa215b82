//! A terminal of the test's own, on which the binary believes a person is watching. Owns making
//! one and reading what is written to it.

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::shop::Service;

/// What a process writes to a terminal, as it comes.
pub(crate) struct Terminal {
    pieces: Receiver<Vec<u8>>,
    seen: String,
}

impl Terminal {
    /// Starts the command with its standard error on a terminal wide enough for every line.
    pub(crate) fn of(mut command: Command) -> (Service, Self) {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap();
        let theirs = OpenOptions::new()
            .read(true)
            .write(true)
            .open(name.to_str().unwrap())
            .unwrap();
        let size = Winsize {
            ws_row: 50,
            ws_col: 200,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&theirs, size).unwrap();
        command.env("TERM", "xterm").stderr(theirs);
        let child = Service(command.spawn().unwrap());
        // Ours of their end is closed with the command, so that reading ends with the process.
        drop(command);
        let (sender, pieces) = channel();
        thread::spawn(move || {
            let (mut ours, mut piece) = (File::from(ours), [0; 4096]);
            while let Ok(length @ 1..) = ours.read(&mut piece) {
                if sender.send(piece[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        let seen = String::new();
        (child, Self { pieces, seen })
    }

    /// Waits until all of these stand in what was written, in one line that was shown.
    pub(crate) fn shows(&mut self, parts: &[&str]) {
        let in_one_line = |seen: &str| {
            seen.split(['\r', '\n'])
                .any(|line| parts.iter().all(|part| line.contains(part)))
        };
        while !in_one_line(&self.seen) {
            let Ok(piece) = self.pieces.recv() else {
                panic!("{parts:?} was never shown:\n{}", self.seen);
            };
            self.seen.push_str(&String::from_utf8_lossy(&piece));
        }
    }

    /// Everything until the process ended.
    pub(crate) fn all(mut self) -> String {
        for piece in self.pieces {
            self.seen.push_str(&String::from_utf8_lossy(&piece));
        }
        self.seen
    }
}
