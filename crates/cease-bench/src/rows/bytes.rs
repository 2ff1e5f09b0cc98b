//! What a child takes from the allocator, in bytes as they were asked for.

use almost_enough::ChildStopper;
use cease_core::StopSource;
use tokio_util::sync::CancellationToken;

use crate::contender::Contender;
use crate::counting;
use crate::rounds::{Row, Unit};
use crate::rows::tree::Tree;

pub(super) static ROWS: [Row; 1] = [Row {
    name: "bytes/child",
    unit: Unit::Bytes,
    targets: &[],
    limit: Some(64.0),
    contenders: |_| Ok(vec![held::<StopSource>(), held::<CancellationToken>(), held::<ChildStopper>()]),
}];

const CHILDREN: u32 = 100_000;

/// What the parent's list of its children takes is counted too.
fn held<T: Tree>() -> Contender {
    Contender::new(T::NAME, || {
        let top = T::root();
        let mut children = Vec::with_capacity(CHILDREN as usize);
        let ((), bytes) = counting::bytes_held_by(|| children.extend((0..CHILDREN).map(|_| top.child())));
        bytes / f64::from(CHILDREN)
    })
}
