//! One line on the terminal that says how far a trace is.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// A line with the number of accesses and their rate.
pub(super) struct Progress {
    bar: ProgressBar,
    accesses: u64,
    drawn: Instant,
}

impl Progress {
    const PAUSE: Duration = Duration::from_millis(200);

    pub(super) fn new() -> Progress {
        let style = ProgressStyle::with_template("{human_pos} accesses, {per_sec}")
            .expect("the template is one");
        let bar = ProgressBar::no_length().with_style(style);
        Progress { bar, accesses: 0, drawn: Instant::now() }
    }

    /// So many accesses more.
    pub(super) fn count(&mut self, accesses: u64) {
        self.accesses += accesses;
        if self.drawn.elapsed() >= Self::PAUSE {
            self.drawn = Instant::now();
            self.bar.set_position(self.accesses);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
