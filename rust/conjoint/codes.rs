//! Profiles as codes of levels, in one or two bytes each, and where the levels of each factor lie among all.

use std::ops::Range;

/// Profiles [N, D], row by row.
#[derive(Debug, Clone, Copy)]
pub enum Codes<'a> {
    /// One byte each, while no factor has more than 256 levels.
    U8(&'a [u8]),
    /// Two bytes each.
    U16(&'a [u16]),
}

impl Codes<'_> {
    /// Number of codes N·D.
    #[must_use]
    pub fn len(self) -> usize {
        match self {
            Self::U8(codes) => codes.len(),
            Self::U16(codes) => codes.len(),
        }
    }

    /// Puts the codes of profile `row` in `levels`; nothing where there is no such profile.
    pub fn read(self, row: usize, levels: &mut [usize]) {
        let place = row * levels.len()..(row + 1) * levels.len();
        match self {
            Self::U8(codes) => copy(codes.get(place), levels),
            Self::U16(codes) => copy(codes.get(place), levels),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

fn copy<C: Copy + Into<usize>>(codes: Option<&[C]>, levels: &mut [usize]) {
    for (level, &code) in levels.iter_mut().zip(codes.unwrap_or_default()) {
        *level = code.into();
    }
}

/// Levels of all factors in a row: level l of factor d has the flat index starts[d] + l.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    starts: Vec<usize>,
}

impl Layout {
    /// Of the numbers of levels of each factor.
    #[must_use]
    pub fn new(n_levels: &[usize]) -> Self {
        let mut starts = vec![0];
        let mut end = 0;
        for n in n_levels {
            end += n;
            starts.push(end);
        }
        Self { starts }
    }

    /// Number D of factors.
    #[must_use]
    pub fn factors(&self) -> usize {
        self.starts.len() - 1
    }

    /// Number M of levels of all factors.
    #[must_use]
    pub fn levels(&self) -> usize {
        self.starts.last().copied().unwrap_or(0)
    }

    /// Flat index of level 0 of each factor, and M.
    pub(super) fn starts(&self) -> &[usize] {
        &self.starts
    }

    /// Flat indices of the levels of factor `d`; none beyond the last.
    #[must_use]
    pub fn range(&self, d: usize) -> Range<usize> {
        match (self.starts.get(d), self.starts.get(d + 1)) {
            (Some(&start), Some(&end)) => start..end,
            _ => 0..0,
        }
    }

    /// Flat indices of the levels of each factor.
    pub fn ranges(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.starts
            .iter()
            .zip(self.starts.iter().skip(1))
            .map(|(&start, &end)| start..end)
    }
}

#[cfg(test)]
mod tests {
    use super::Layout;

    #[test]
    fn levels_of_all_factors_lie_in_a_row() {
        let layout = Layout::new(&[2, 1, 3]);
        assert_eq!((layout.factors(), layout.levels()), (3, 6));
        assert_eq!(layout.ranges().collect::<Vec<_>>(), [0..2, 2..3, 3..6]);
        assert_eq!((layout.range(2), layout.range(3)), (3..6, 0..0));
    }
}
