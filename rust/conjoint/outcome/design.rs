//! The design matrix of tasks of one or two profiles, made once for all passes.

use std::array;

use super::answers::{Answers, Form, Reader};
use super::columns::Columns;
use crate::conjoint::gram::{LANES, TILE, stride};
use crate::error::Result;
use crate::ragged;

/// Cells of a byte.
const CELLS: usize = 4;

/// Rows left − right, whose numbers are -1, 0 and 1, in two bits each: 1/32 of the memory of doubles.
#[derive(Debug)]
pub struct Design {
    /// Bytes of a row.
    width: usize,
    /// [T, width]; the columns from P on do not count. None of choices of more than two profiles.
    bytes: Vec<u8>,
    /// The numbers of each byte.
    numbers: [[f64; CELLS]; 256],
}

impl Design {
    /// Of all tasks. O(T (D + pairs)), on several threads
    ///
    /// # Errors
    /// None: there is a place for each row.
    pub fn new(answers: Answers<'_>, columns: &Columns, form: Form) -> Result<Self> {
        let stride = stride(columns.count());
        let width = stride / CELLS;
        let tasks = if form == Form::Choice {
            0
        } else {
            answers.tasks()
        };
        let numbers = array::from_fn(|byte| array::from_fn(|k| number(byte >> (2 * k))));
        let mut bytes = vec![0; tasks * width];
        let starts = (0..tasks).step_by(TILE).chain([tasks]);
        let bounds: Vec<usize> = starts.map(|task| task * width).collect();
        ragged::fill(
            &bounds,
            |n| n,
            &mut bytes,
            |cells: &mut Vec<i8>, own, out| {
                let mut reader = Reader::new(answers, columns);
                for (row, task) in out.chunks_exact_mut(width).zip(own.start / width..) {
                    cells.clear();
                    cells.resize(columns.count() + LANES, 0);
                    reader.add(task, cells);
                    pack(cells, row);
                }
                Ok(())
            },
        )?;
        Ok(Self {
            width,
            bytes,
            numbers,
        })
    }

    /// Writes the row of a task.
    #[allow(clippy::inline_always)] // part of a dispatched closure
    #[inline(always)]
    pub fn write(&self, task: usize, row: &mut [f64]) {
        let bytes = self.bytes.get(task * self.width..(task + 1) * self.width);
        let (cells, _) = row.as_chunks_mut::<CELLS>();
        for (cells, &byte) in cells.iter_mut().zip(bytes.unwrap_or_default()) {
            if let Some(numbers) = self.numbers.get(usize::from(byte)) {
                *cells = *numbers;
            }
        }
    }
}

/// Of the lowest two bits.
fn number(bits: usize) -> f64 {
    match bits & 3 {
        0 => -1.0,
        2 => 1.0,
        _ => 0.0,
    }
}

/// Two bits a cell, its number plus one; of what is no cell the last two.
fn pack(cells: &[i8], row: &mut [u8]) {
    let (cells, _) = cells.as_chunks::<CELLS>();
    for (byte, cells) in row.iter_mut().zip(cells) {
        let bits = cells.map(|cell| cell.wrapping_add(1).cast_unsigned() & 3);
        *byte = bits.iter().rev().fold(0, |byte, bits| byte << 2 | bits);
    }
}

#[cfg(test)]
mod tests {
    use super::pack;

    #[test]
    fn four_cells_a_byte_the_first_in_the_lowest_bits() {
        let mut row = [0; 2];
        pack(&[-1, 0, 1, -1, 1, 1, 0, -9], &mut row);
        assert_eq!(row, [0b00_10_01_00, 0b00_01_10_10]);
    }
}
