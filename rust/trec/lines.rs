//! Lines of TREC to columns: one pass over the bytes, no string per field.

use std::collections::HashMap;
use std::str::FromStr;

use crate::Error;

/// Bytes of one line; what is longer is no row.
pub const LONGEST: usize = 1 << 26;
/// Of a line that is too long so much is kept.
const SHOWN: usize = 200;
const WIDEST: usize = 6;
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
            Self::Run => WIDEST,
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
        let mut last = None;
        while !rest.is_empty() {
            let line;
            (line, rest) = next_line(rest);
            piece.lines += 1;
            if line.width == 0 {
                last = None;
                continue;
            }
            piece.read += 1;
            match read(&line, form) {
                Ok((topic, document, value)) => {
                    if last != Some(topic) {
                        piece.open(topic, &mut known);
                    }
                    last = Some(topic);
                    piece.push(document, value);
                }
                Err(reason) => {
                    last = None;
                    piece.refuse(reason, line.text);
                }
            }
        }
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

    fn refuse(&mut self, reason: String, text: &[u8]) {
        let shown = if text.len() < LONGEST {
            text.trim_ascii_end()
        } else {
            text.get(..SHOWN).unwrap_or(text)
        };
        self.bad.push(Bad {
            line: self.lines,
            reason,
            text: Some(String::from_utf8_lossy(shown).into_owned()),
        });
    }
}

struct Line<'a> {
    fields: [&'a [u8]; WIDEST],
    /// Number of fields, also beyond the widest.
    width: usize,
    text: &'a [u8],
}

/// The first line, and what follows its end.
fn next_line(text: &[u8]) -> (Line<'_>, &[u8]) {
    let (mut fields, mut width, mut rest) = ([&[][..]; WIDEST], 0, text);
    loop {
        let blanks = rest
            .iter()
            .position(|&byte| byte == b'\n' || !is_space(byte));
        rest = rest.get(blanks.unwrap_or(rest.len())..).unwrap_or_default();
        if let None | Some(b'\n') = rest.first() {
            break;
        }
        let end = rest.iter().position(|&byte| is_space(byte));
        let (field, after) = rest.split_at(end.unwrap_or(rest.len()));
        if let Some(place) = fields.get_mut(width) {
            *place = field;
        }
        width += 1;
        rest = after;
    }
    let (line, _) = text.split_at(text.len() - rest.len());
    let line = Line {
        fields,
        width,
        text: line,
    };
    (line, rest.get(1..).unwrap_or_default())
}

/// As C has it.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// Topic, document and number of a line.
fn read<'a>(line: &Line<'a>, form: Form) -> Result<(&'a [u8], &'a [u8], f64), String> {
    let (name, place) = form.value();
    if line.text.len() >= LONGEST {
        return Err(format!("longer than {} MiB", LONGEST >> 20));
    }
    let (Some(&value), true) = (line.fields.get(place), line.width == form.width()) else {
        let (form, width) = (form.name(), form.width());
        return Err(format!(
            "a {form} line has {width} fields, got {}",
            line.width
        ));
    };
    let Some(number) = finite(value) else {
        let came = String::from_utf8_lossy(value);
        return Err(format!(
            "{name} must be a finite number, got '{}'",
            came.escape_debug()
        ));
    };
    let [topic, _, document, ..] = line.fields;
    if str::from_utf8(topic).is_err() || str::from_utf8(document).is_err() {
        return Err("not UTF-8".to_owned());
    }
    Ok((topic, document, number))
}

fn finite(field: &[u8]) -> Option<f64> {
    let number: f64 = str::from_utf8(field).ok()?.parse().ok()?;
    number.is_finite().then_some(number)
}
