//! Lines of TREC to columns: one pass over the bytes, no string per field.

use std::collections::HashMap;
use std::str::FromStr;

use super::fields::{field, finite, is_space, is_text};
use crate::Error;

/// Bytes of one line; what is longer is no row.
pub const LONGEST: usize = 1 << 26;
/// Of a line that is too long so much is kept.
const SHOWN: usize = 200;
const MARK: &[u8] = b"\xef\xbb\xbf";

/// The two kinds of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `topic Q0 document rank score tag`
    Run,
    /// `topic 0 document grade`
    Qrels,
}

impl FromStr for Form {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        match name {
            "run" => Ok(Self::Run),
            "qrels" => Ok(Self::Qrels),
            _ => Err(Error::domain(
                "form",
                "\"run\" or \"qrels\"",
                format!("{name:?}"),
            )),
        }
    }
}

impl Form {
    /// What its lines are called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Qrels => "qrels",
        }
    }

    fn width(self) -> usize {
        match self {
            Self::Run => 6,
            Self::Qrels => 4,
        }
    }

    /// Name and place of the field with a number.
    fn value(self) -> (&'static str, usize) {
        match self {
            Self::Run => ("score", 4),
            Self::Qrels => ("grade", 3),
        }
    }
}

/// A line that does not count, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bad {
    /// Number of the line, from 1.
    pub line: usize,
    /// What is wrong.
    pub reason: String,
    /// The line; `None` where its bytes are gone.
    pub text: Option<String>,
}

/// Rows that follow one another, line after line, in one topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    /// Number of the topic in its piece.
    pub topic: usize,
    /// Number of the line of the first row, from 1.
    pub line: usize,
    /// The first row.
    pub start: usize,
}

/// Columns of some lines; numbers of lines and topics are counted within it.
#[derive(Debug, Default)]
pub(super) struct Piece {
    /// Documents, one behind the other, and where each ends.
    names: Vec<u8>,
    ends: Vec<u32>,
    pub values: Vec<f64>,
    pub topics: Vec<Vec<u8>>,
    pub stretches: Vec<Stretch>,
    pub bad: Vec<Bad>,
    pub lines: usize,
    /// Lines that are not empty.
    pub read: usize,
}

impl Piece {
    /// Reads whole lines; `first` says that they begin the file, where a byte order mark may stand. O(bytes).
    pub fn new(text: &[u8], form: Form, first: bool) -> Self {
        let mut piece = Self::default();
        let mut rest = text;
        if first {
            rest = rest.strip_prefix(MARK).unwrap_or(rest);
        }
        let mut known = HashMap::new();
        let mut topic: Option<&[u8]> = None; // of the line before
        while !rest.is_empty() {
            piece.lines += 1;
            if let Some((row, after)) = row(rest, form, topic) {
                if topic != Some(row.topic) {
                    piece.open(row.topic, &mut known);
                }
                topic = Some(row.topic);
                piece.push(row.document, row.value);
                rest = after;
                continue;
            }
            topic = None;
            let line = rest.split(|&byte| byte == b'\n').next().unwrap_or_default();
            rest = rest.get(line.len() + 1..).unwrap_or_default();
            if !line.iter().all(|&byte| is_space(byte)) {
                piece.refuse(line, form);
            }
        }
        piece.read = piece.values.len() + piece.bad.len();
        piece.values.shrink_to_fit();
        piece.ends.shrink_to_fit();
        piece.names.shrink_to_fit();
        piece
    }

    /// The document of a row.
    pub fn name(&self, row: usize) -> &[u8] {
        let end = |row: usize| self.ends.get(row).map_or(0, |&end| end as usize);
        let start = row.checked_sub(1).map_or(0, end);
        self.names.get(start..end(row)).unwrap_or_default()
    }

    fn open<'a>(&mut self, topic: &'a [u8], known: &mut HashMap<&'a [u8], usize>) {
        let next = self.topics.len();
        let number = *known.entry(topic).or_insert(next);
        if number == next {
            self.topics.push(topic.to_vec());
        }
        self.stretches.push(Stretch {
            topic: number,
            line: self.lines,
            start: self.values.len(),
        });
    }

    fn push(&mut self, document: &[u8], value: f64) {
        self.names.extend_from_slice(document);
        #[allow(clippy::cast_possible_truncation)]
        // a piece is a part of a block, and a line short
        self.ends.push(self.names.len() as u32);
        self.values.push(value);
    }

    fn refuse(&mut self, text: &[u8], form: Form) {
        let shown = if text.len() < LONGEST {
            text.trim_ascii_end()
        } else {
            text.get(..SHOWN).unwrap_or(text)
        };
        self.bad.push(Bad {
            line: self.lines,
            reason: reason(text, form),
            text: Some(String::from_utf8_lossy(shown).into_owned()),
        });
    }
}

/// What counts of a line.
struct Row<'a> {
    topic: &'a [u8],
    document: &'a [u8],
    value: f64,
}

/// The row of the first line, and what follows its end; `None` where the line is empty or bad.
///
/// The topic of the line before is likely to come again: then it is compared, and not searched for its end.
fn row<'a>(text: &'a [u8], form: Form, before: Option<&'a [u8]>) -> Option<(Row<'a>, &'a [u8])> {
    let again = before.and_then(|topic| Some((topic, text.strip_prefix(topic)?)));
    let again = again.filter(|(_, rest)| rest.first().is_some_and(|&byte| is_space(byte)));
    let (topic, rest) = again.unwrap_or_else(|| field(text));
    let (_, rest) = field(rest);
    let (document, rest) = field(rest);
    let (value, last, rest) = if form == Form::Run {
        let (_, rest) = field(rest);
        let (value, rest) = field(rest);
        let (tag, rest) = field(rest);
        (value, tag, rest)
    } else {
        let (value, rest) = field(rest);
        (value, value, rest)
    };
    let (beyond, rest) = if let Some(b'\n') = rest.first() {
        (&[][..], rest)
    } else {
        field(rest)
    };
    let whole = !last.is_empty() && beyond.is_empty() && text.len() - rest.len() < LONGEST;
    if !(whole && (again.is_some() || is_text(topic)) && is_text(document)) {
        return None;
    }
    let value = finite(value)?;
    let row = Row {
        topic,
        document,
        value,
    };
    Some((row, rest.get(1..).unwrap_or_default()))
}

/// What is wrong with a line.
fn reason(line: &[u8], form: Form) -> String {
    if line.len() >= LONGEST {
        return format!("longer than {} MiB", LONGEST >> 20);
    }
    let fields: Vec<_> = line
        .split(|&byte| is_space(byte))
        .filter(|field| !field.is_empty())
        .collect();
    let (kind, width) = (form.name(), form.width());
    let (name, place) = form.value();
    match fields.get(place) {
        Some(value) if fields.len() == width && finite(value).is_none() => {
            let came = String::from_utf8_lossy(value);
            format!(
                "{name} must be a finite number, got '{}'",
                came.escape_debug()
            )
        }
        Some(_) if fields.len() == width => "not UTF-8".to_owned(),
        _ => format!("a {kind} line has {width} fields, got {}", fields.len()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Form, Piece};

    #[test]
    fn rows_of_a_topic_are_one_stretch_until_a_line_without_one() {
        let text = b"\xef\xbb\xbf7 Q0 a 1 2.5 t\r\n7\tQ0  b 2 -1e-3 t \n\n 7 Q0 c 3 .5 t\n77 Q0 d 1 +4 t\n7 Q0 e 4 5. t";
        let piece = Piece::new(text, Form::Run, true);
        let names: Vec<_> = (0..5).map(|row| piece.name(row)).collect();
        assert_eq!(names, [b"a", b"b", b"c", b"d", b"e"]);
        assert_eq!(piece.values, [2.5, -1e-3, 0.5, 4.0, 5.0]);
        assert_eq!(piece.topics, [b"7".to_vec(), b"77".to_vec()]);
        let stretches: Vec<_> = piece
            .stretches
            .iter()
            .map(|own| (own.topic, own.line, own.start))
            .collect();
        assert_eq!(stretches, [(0, 1, 0), (0, 4, 2), (1, 5, 3), (0, 6, 4)]);
        assert_eq!((piece.lines, piece.read, piece.bad.len()), (6, 5, 0));
    }

    #[test]
    fn bad_lines_have_a_reason() {
        let reasons = |text: &[u8], form| {
            let piece = Piece::new(text, form, true);
            let bad = piece.bad.into_iter();
            bad.map(|bad| format!("{}: {} [{}]", bad.line, bad.reason, bad.text.unwrap()))
                .collect::<Vec<_>>()
        };
        let run = b"1 Q0 a 1\n\n1 Q0 a 1 2 t t \r\n1 Q0 a 1 inf t\n1 Q0 a 1 1_0 t\n1 Q0 a 1 0x1 t\n1 Q0 a 1 1e400 t\n\
            1 Q0 \xff 1 2 t\n1\xff Q0 b 1 2 t\n1 Q0 a 1 \xff t\n1 Q0 a 1 2 \xff";
        let expected = [
            "1: a run line has 6 fields, got 4 [1 Q0 a 1]",
            "3: a run line has 6 fields, got 7 [1 Q0 a 1 2 t t]",
            "4: score must be a finite number, got 'inf' [1 Q0 a 1 inf t]",
            "5: score must be a finite number, got '1_0' [1 Q0 a 1 1_0 t]",
            "6: score must be a finite number, got '0x1' [1 Q0 a 1 0x1 t]",
            "7: score must be a finite number, got '1e400' [1 Q0 a 1 1e400 t]",
            "8: not UTF-8 [1 Q0 \u{fffd} 1 2 t]",
            "9: not UTF-8 [1\u{fffd} Q0 b 1 2 t]",
            "10: score must be a finite number, got '\u{fffd}' [1 Q0 a 1 \u{fffd} t]",
        ];
        assert_eq!(reasons(run, Form::Run), expected);
        let qrels = reasons(b"1 0 a x\n1 0 a 1 1\n1 0 a -1\n1 0 b 0.5\n", Form::Qrels);
        let expected = [
            "1: grade must be a finite number, got 'x' [1 0 a x]",
            "2: a qrels line has 4 fields, got 5 [1 0 a 1 1]",
        ];
        assert_eq!(qrels, expected);
    }
}
