//! What was measured, as a table and as JSON.

use std::collections::BTreeMap;

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use crate::rounds::{Measured, Peer, Unit};

/// A table for people: a line for each peer, and one for a limit.
pub(crate) fn table(rows: &[Measured], notes: &[String], rounds: usize) -> String {
    let mut table = Table::new();
    let header = ["row", "ours", "peer", "peer's", "ratio", "spread", "target", ""];
    table.load_style(presets::UTF8_BORDERS_ONLY).set_header(header);
    for row in rows {
        for cells in lines(row) {
            table.add_row([row.row.name.to_owned(), readable(row.ours, row.row.unit)].into_iter().chain(cells));
        }
    }
    for column in [1, 3, 4, 6] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let legend = format!("ratio: ours divided by the peer's in the same round; the median of {rounds} rounds");
    let notes = notes.iter().map(|note| format!("note: {note}"));
    [table.to_string(), legend].into_iter().chain(notes).collect::<Vec<_>>().join("\n")
}

/// What stands behind the name of `row` and our value, for each of its lines.
fn lines(row: &Measured) -> Vec<[String; 6]> {
    let empty = String::new;
    let limit = row.limit().map(|(most, met)| {
        [empty(), empty(), empty(), empty(), format!("<= {}", readable(most, row.row.unit)), verdict(Some(met))]
    });
    let peer = |peer: &Peer| {
        let ratio = peer.ratio;
        [
            peer.name.to_owned(),
            readable(peer.value, row.row.unit),
            format!("{:.3}", ratio.median),
            format!("{:.3} .. {:.3}", ratio.min, ratio.max),
            peer.target.map_or_else(empty, |most| format!("<= {most:.3}")),
            verdict(peer.met()),
        ]
    };
    let lines: Vec<_> = limit.into_iter().chain(row.peers.iter().map(peer)).collect();
    if lines.is_empty() { vec![[const { String::new() }; 6]] } else { lines }
}

/// The same for programs; the schema is `cease.bench/1`.
pub(crate) fn json(rows: &[Measured], notes: &[String], rounds: usize) -> String {
    let rows = rows.iter().map(|row| Row {
        row: row.row.name,
        ours: row.ours,
        unit: unit(row.row.unit),
        peers: row.peers.iter().map(|peer| (peer.name, peer.value)).collect(),
        ratio: row.peers.iter().map(|peer| (peer.name, peer.ratio.median)).collect(),
        spread: row.peers.iter().map(|peer| (peer.name, [peer.ratio.min, peer.ratio.max])).collect(),
        targets: row.peers.iter().filter_map(|peer| Some((peer.name, peer.target?))).collect(),
        met: row.peers.iter().filter_map(|peer| Some((peer.name, peer.met()?))).collect(),
        limit: row.limit().map(|(most, met)| Limit { most, met }),
    });
    let document = Document { schema: "cease.bench/1", rounds, notes, rows: rows.collect() };
    serde_json::to_string_pretty(&document).expect("numbers and names can be written as JSON")
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    rounds: usize,
    notes: &'a [String],
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
    targets: BTreeMap<&'static str, f64>,
    met: BTreeMap<&'static str, bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<Limit>,
}

#[derive(Serialize)]
struct Limit {
    most: f64,
    met: bool,
}

fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Nanoseconds => "ns",
        Unit::Bytes => "B",
    }
}

fn readable(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Nanoseconds if value < 1e3 => format!("{value:.2} ns"),
        Unit::Nanoseconds if value < 1e6 => format!("{:.2} us", value / 1e3),
        Unit::Nanoseconds => format!("{:.2} ms", value / 1e6),
        Unit::Bytes => format!("{value:.1} B"),
    }
}

fn verdict(met: Option<bool>) -> String {
    met.map_or("", |met| if met { "met" } else { "missed" }).to_owned()
}
