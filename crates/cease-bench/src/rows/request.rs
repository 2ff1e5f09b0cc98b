//! A request at the top of many children; nanoseconds for each child.

use std::time::Instant;

use cease_core::StopSource;
use tokio_util::sync::CancellationToken;

use crate::rounds::{Contender, Row};

/// The request alone, without making the children and dropping them.
pub(crate) fn children(name: &'static str, count: u32) -> Row {
    Row {
        name,
        contenders: vec![
            Contender::new("StopSource", move || {
                let top = StopSource::new();
                let children: Vec<_> = (0..count).map(|_| top.child()).collect();
                let time = time(count, || assert!(top.request(), "nobody asked before"));
                assert!(children.iter().all(StopSource::is_stopped));
                time
            }),
            Contender::new("tokio-util", move || {
                let top = CancellationToken::new();
                let children: Vec<_> = (0..count).map(|_| top.child_token()).collect();
                let time = time(count, || top.cancel());
                assert!(children.iter().all(CancellationToken::is_cancelled));
                time
            }),
        ],
    }
}

fn time(count: u32, request: impl FnOnce()) -> f64 {
    let start = Instant::now();
    request();
    start.elapsed().as_secs_f64() * 1e9 / f64::from(count)
}
