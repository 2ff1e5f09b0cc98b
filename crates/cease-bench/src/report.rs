//! What was measured, as a table and as JSON.

use std::collections::BTreeMap;

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use crate::rounds::Measured;

/// A table for people: a line for each peer.
pub(crate) fn table(rows: &[Measured], rounds: usize) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY).set_header(["row", "ours", "peer", "peer's", "ratio", "spread"]);
    for row in rows {
        for peer in &row.peers {
            let ratio = peer.ratio;
            table.add_row([
                row.name.to_owned(),
                nanoseconds(row.ours),
                peer.name.to_owned(),
                nanoseconds(peer.value),
                format!("{:.3}", ratio.median),
                format!("{:.3} .. {:.3}", ratio.min, ratio.max),
            ]);
        }
    }
    for column in [1, 3, 4] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    format!("{table}\nratio: ours divided by the peer's in the same round; the median of {rounds} rounds")
}

/// The same for programs; the schema is `cease.bench/1`.
pub(crate) fn json(rows: &[Measured], rounds: usize) -> String {
    let rows = rows.iter().map(|row| Row {
        row: row.name,
        ours: row.ours,
        unit: "ns",
        peers: row.peers.iter().map(|peer| (peer.name, peer.value)).collect(),
        ratio: row.peers.iter().map(|peer| (peer.name, peer.ratio.median)).collect(),
        spread: row.peers.iter().map(|peer| (peer.name, [peer.ratio.min, peer.ratio.max])).collect(),
    });
    let document = Document { schema: "cease.bench/1", rounds, rows: rows.collect() };
    serde_json::to_string_pretty(&document).expect("numbers and names can be written as JSON")
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    rounds: usize,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    row: &'static str,
    ours: f64,
    unit: &'static str,
    peers: BTreeMap<&'static str, f64>,
    ratio: BTreeMap<&'static str, f64>,
    spread: BTreeMap<&'static str, [f64; 2]>,
}

fn nanoseconds(value: f64) -> String {
    if value < 1000.0 { format!("{value:.2} ns") } else { format!("{:.2} us", value / 1000.0) }
}
