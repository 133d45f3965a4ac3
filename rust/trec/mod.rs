//! Runs and judgements in TREC's format, from bytes to ranked lists.

mod fields;
mod join;
mod lines;

pub use join::{Joined, join};
pub use lines::{Bad, Form};

use std::collections::HashMap;
use std::mem::take;

use lines::{LONGEST, Piece};

use crate::threads;

/// A part is shorter than 2^32 bytes, so that places in it fit 32 bits.
const LONGEST_PART: usize = 1 << 30;
/// Parts of a block per thread: enough that an uneven one does not leave the others idle.
const PARTS_PER_THREAD: usize = 4;

/// Rows of one topic that follow one another.
#[derive(Debug, Clone, Copy)]
struct Span {
    piece: usize,
    /// Rows of the piece.
    start: usize,
    end: usize,
    /// Number of the line of the first one, from 1.
    line: usize,
}

/// What a file holds, block after block: topics, documents and numbers.
#[derive(Debug)]
pub struct File {
    form: Form,
    pieces: Vec<Piece>,
    topics: HashMap<Vec<u8>, usize>,
    /// Rows of each topic.
    spans: Vec<Vec<Span>>,
    bad: Vec<Bad>,
    /// The beginning of a line whose end has not come.
    rest: Vec<u8>,
    lines: usize,
    read: usize,
}

impl File {
    /// An empty one.
    #[must_use]
    pub fn new(form: Form) -> Self {
        Self {
            form,
            pieces: Vec::new(),
            topics: HashMap::new(),
            spans: Vec::new(),
            bad: Vec::new(),
            rest: Vec::new(),
            lines: 0,
            read: 0,
        }
    }

    /// What its lines are.
    #[must_use]
    pub fn form(&self) -> Form {
        self.form
    }

    /// Lines so far that are not empty.
    #[must_use]
    pub fn read(&self) -> usize {
        self.read
    }

    /// Lines so far that cannot be read; documents that come twice are found by [`join`].
    #[must_use]
    pub fn bad(&self) -> &[Bad] {
        &self.bad
    }

    /// Reads the next bytes of the file, on several threads. O(bytes).
    pub fn push(&mut self, block: &[u8]) {
        let end = |block: &[u8]| {
            block
                .iter()
                .position(|&byte| byte == b'\n')
                .map(|end| end + 1)
        };
        let (first, block) = block.split_at(end(block).unwrap_or(block.len()));
        let room = LONGEST - self.rest.len();
        self.rest
            .extend_from_slice(first.get(..room).unwrap_or(first));
        if !first.ends_with(b"\n") {
            return;
        }
        self.finish();
        let whole = block
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |end| end + 1);
        let (whole, rest) = block.split_at(whole);
        self.rest
            .extend_from_slice(rest.get(..LONGEST).unwrap_or(rest));
        let form = self.form;
        let pieces = threads::map(parts(whole), whole.len(), |part| {
            Piece::new(part, form, false)
        });
        for piece in pieces {
            self.add(piece);
        }
    }

    /// Reads the last line, which may lack an end.
    pub fn finish(&mut self) {
        let rest = take(&mut self.rest);
        if !rest.is_empty() {
            self.add(Piece::new(&rest, self.form, self.lines == 0));
        }
    }

    fn add(&mut self, mut piece: Piece) {
        let numbers: Vec<usize> = take(&mut piece.topics)
            .into_iter()
            .map(|topic| self.number(topic))
            .collect();
        let stretches = take(&mut piece.stretches);
        let starts = stretches.iter().skip(1).map(|next| next.start);
        let ends = starts.chain([piece.values.len()]);
        for (stretch, end) in stretches.iter().zip(ends) {
            let number = numbers.get(stretch.topic).copied().unwrap_or(0);
            if let Some(spans) = self.spans.get_mut(number) {
                spans.push(Span {
                    piece: self.pieces.len(),
                    start: stretch.start,
                    end,
                    line: self.lines + stretch.line,
                });
            }
        }
        for bad in take(&mut piece.bad) {
            let line = self.lines + bad.line;
            self.bad.push(Bad { line, ..bad });
        }
        self.lines += piece.lines;
        self.read += piece.read;
        self.pieces.push(piece);
    }

    fn number(&mut self, topic: Vec<u8>) -> usize {
        let next = self.spans.len();
        let number = *self.topics.entry(topic).or_insert(next);
        if number == next {
            self.spans.push(Vec::new());
        }
        number
    }
}

/// Whole lines, in parts of about equal length.
fn parts(mut text: &[u8]) -> Vec<&[u8]> {
    let length = (text.len() / (threads::num_threads() * PARTS_PER_THREAD) + 1).min(LONGEST_PART);
    let mut parts = Vec::new();
    while !text.is_empty() {
        let rest = text.get(length..).unwrap_or_default();
        let end = rest.iter().position(|&byte| byte == b'\n');
        let (part, after) = text.split_at(end.map_or(text.len(), |end| length + end + 1));
        parts.push(part);
        text = after;
    }
    parts
}

#[cfg(test)]
#[allow(clippy::float_cmp, clippy::indexing_slicing, clippy::unwrap_used)]
mod tests {
    use super::{File, Form, LONGEST, join};
    use crate::random;

    fn read(text: &[u8], form: Form, block: usize) -> File {
        let mut file = File::new(form);
        text.chunks(block).for_each(|block| file.push(block));
        file.finish();
        file
    }

    /// Scattered topics, tied scores, documents that come twice, bad and empty lines.
    fn random_lines(seed: u64, form: Form) -> String {
        let draw = |row, column, below| random::key(seed, &[row, column]) % below;
        let lines = (0..300_u64).map(|row| {
            let (topic, document) = (draw(row, 0, 7), draw(row, 1, 90));
            match (form, draw(row, 2, 40)) {
                (_, 0) => "\n".to_owned(),
                (_, 1) => format!("{topic} Q0 {document}\n"),
                (Form::Run, _) => format!("{topic} Q0 d{document} 1 {} t\r\n", draw(row, 3, 9)),
                (Form::Qrels, _) => format!("{topic}\t0 d{document} {}\n", draw(row, 3, 4)),
            }
        });
        lines.collect()
    }

    /// Line, topic, document and number of what counts, the first of each document; lines of the others.
    fn by_definition(text: &str) -> (Vec<(&str, &str, f64)>, Vec<usize>) {
        let (mut rows, mut bad): (Vec<(&str, &str, f64)>, _) = (Vec::new(), Vec::new());
        for (line, text) in text.lines().enumerate() {
            let fields: Vec<_> = text.split_whitespace().collect();
            match fields[..] {
                [] => {}
                [topic, _, document, value] | [topic, _, document, _, value, _]
                    if !rows.iter().any(|row| (row.0, row.1) == (topic, document)) =>
                {
                    rows.push((topic, document, value.parse().unwrap()));
                }
                _ => bad.push(line + 1),
            }
        }
        (rows, bad)
    }

    #[test]
    fn lists_are_those_of_the_definition_for_blocks_of_any_size() {
        for seed in 0..20 {
            let (run, qrels) = (
                random_lines(seed, Form::Run),
                random_lines(seed + 100, Form::Qrels),
            );
            let (mut rows, bad_run) = by_definition(&run);
            let (judged, bad_qrels) = by_definition(&qrels);
            rows.sort_by(|a, b| a.0.cmp(b.0).then(b.2.total_cmp(&a.2)).then(b.1.cmp(a.1)));
            let grade = |row: &(&str, &str, f64)| {
                let own = judged
                    .iter()
                    .find(|other| (other.0, other.1) == (row.0, row.1));
                own.map_or(0.0, |own| own.2)
            };
            let grades: Vec<f64> = rows.iter().map(grade).collect();
            for block in [1, 2, 7, 100, 1 << 20] {
                let file = |text: &str, form| read(text.as_bytes(), form, block);
                let joined = join(&file(&run, Form::Run), &file(&qrels, Form::Qrels));
                assert_eq!(joined.topics, ["0", "1", "2", "3", "4", "5", "6"]);
                let mut dense = vec![0.0; rows.len()];
                for (&row, grade) in joined.rows.iter().zip(joined.grades) {
                    dense[usize::try_from(row).unwrap()] = grade;
                }
                assert_eq!(dense, grades);
                assert_eq!(
                    joined.judged.iter().sum::<f64>(),
                    judged.iter().map(|row| row.2).sum::<f64>()
                );
                let lines = |bad: &[super::Bad]| bad.iter().map(|bad| bad.line).collect::<Vec<_>>();
                assert_eq!(
                    (lines(&joined.bad_run), lines(&joined.bad_qrels)),
                    (bad_run.clone(), bad_qrels.clone())
                );
            }
        }
    }

    #[test]
    fn topics_of_one_file_do_not_count_but_their_repeats_are_named() {
        let run = read(b"2 Q0 a 1 1 t\n1 Q0 a 1 1 t\n2 Q0 a 1 1 t\n", Form::Run, 5);
        let qrels = read(b"1 0 b 1\n3 0 a 1\n3 0 a 2\n", Form::Qrels, 5);
        let joined = join(&run, &qrels);
        assert_eq!(
            (joined.topics, joined.offsets),
            (vec!["1".to_owned()], vec![0, 1])
        );
        assert_eq!(
            (joined.judged, joined.judged_offsets),
            (vec![1.0], vec![0, 1])
        );
        assert_eq!(joined.left_out, 1);
        assert_eq!((joined.bad_run.len(), joined.bad_run[0].line), (1, 3));
        assert_eq!(
            joined.bad_qrels[0].reason,
            "document 'a' of topic '3' comes twice"
        );
    }

    #[test]
    fn scores_tie_in_32_bits() {
        let run = read(
            b"1 Q0 a 1 1.00000001 t\n1 Q0 c 2 1 t\n1 Q0 b 3 -0.0 t\n1 Q0 d 3 0 t\n",
            Form::Run,
            99,
        );
        let joined = join(&run, &read(b"1 0 a 1\n1 0 d 2\n", Form::Qrels, 99));
        assert_eq!((joined.rows, joined.grades), (vec![1, 2], vec![1.0, 2.0]));
    }

    #[test]
    fn a_line_without_end_takes_no_more_memory_than_the_longest() {
        let mut file = File::new(Form::Run);
        file.push(b"1 Q0 a 1 2 t\n1 Q0 ");
        let part = vec![b'x'; 1 << 20];
        for _ in 0..=LONGEST >> 20 {
            file.push(&part);
        }
        assert_eq!(file.rest.len(), LONGEST);
        file.push(b"\n1 Q0 c 1 2 t\n");
        assert_eq!((file.read(), file.bad().len()), (3, 1));
        let bad = &file.bad()[0];
        assert_eq!((bad.line, bad.reason.as_str()), (2, "longer than 64 MiB"));
        assert_eq!(bad.text.as_ref().unwrap().len(), 200);
    }
}
