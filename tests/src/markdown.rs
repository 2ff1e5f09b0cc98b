//! Markdown pages: their headings, and the links that they make.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// A page.
#[derive(Debug, Default)]
pub struct Page {
    /// The text of each heading, in order.
    pub headings: Vec<String>,
    /// Where each link and picture leads, with its line from 1.
    pub links: Vec<(String, usize)>,
}

impl Page {
    /// Reads `text`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut page = Self::default();
        let mut heading = None;
        for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
            match event {
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => page.headings.extend(heading.take()),
                Event::Text(part) | Event::Code(part) => heading.iter_mut().for_each(|text| text.push_str(&part)),
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push((dest_url.to_string(), text[..range.start].matches('\n').count() + 1));
                }
                _ => {}
            }
        }
        page
    }

    /// The anchors that links to this page may name, one for each heading.
    #[must_use]
    pub fn anchors(&self) -> Vec<String> {
        let mut anchors: Vec<String> = Vec::new();
        for heading in &self.headings {
            let anchor = anchor(heading);
            let again = anchors.iter().filter(|other| other.trim_end_matches(|c| "-0123456789".contains(c)) == anchor);
            let anchor = match again.count() {
                0 => anchor,
                before => format!("{anchor}-{before}"),
            };
            anchors.push(anchor);
        }
        anchors
    }
}

/// The first paragraph of `text`, in one line.
#[must_use]
pub fn first_paragraph(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    lines.join(" ")
}

/// A table with one header row; a `|` in a cell is escaped.
#[must_use]
pub fn table<R: AsRef<[String]>>(header: &[&str], rows: impl IntoIterator<Item = R>) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let escaped = |row: R| line(row.as_ref().iter().map(|cell| cell.replace('|', "\\|")).collect());
    let mut text =
        line(header.iter().map(|cell| (*cell).into()).collect()) + &format!("|{}\n", "---|".repeat(header.len()));
    rows.into_iter().for_each(|row| text += &escaped(row));
    text
}

/// What GitHub and mdBook make of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_have_the_anchors_that_a_browser_knows() {
        let page = Page::parse(
            "# Stop, `now`!\n\n## Limits\n\n## Limits\n\n```\n# no heading\n[no](link.md)\n```\n\n[a](b.md#c)\n",
        );
        assert_eq!(page.anchors(), ["stop-now", "limits", "limits-1"]);
        assert_eq!(page.links, [("b.md#c".to_string(), 12)]);
    }

    #[test]
    fn a_bar_in_a_cell_stays_in_its_cell() {
        assert_eq!(
            table(&["a", "b"], [["x | y".to_string(), "z".to_string()]]),
            "| a | b |\n|---|---|\n| x \\| y | z |\n"
        );
    }
}
