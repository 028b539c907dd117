//! [`Mutator`]: inputs from seeds, the same ones for the same number.

/// Makes inputs without end.
#[derive(Debug)]
pub struct Mutator {
    seeds: &'static [&'static str],
    random: u64,
    /// The last input, which the next one is often made from.
    input: Vec<u8>,
}

impl Mutator {
    /// Inputs made from these pieces; `number` names the series.
    #[must_use]
    pub fn new(seeds: &'static [&'static str], number: u64) -> Self {
        Self { seeds, random: number | 1, input: Vec::new() }
    }

    /// The next input.
    pub fn next_input(&mut self) -> &[u8] {
        if self.below(8) == 0 || self.input.len() > MAX_BYTES {
            self.input.clear();
            // What targets take their settings from.
            let settings = [self.byte(), self.byte()];
            self.input.extend(settings);
            let seed = self.seed();
            self.input.extend(seed);
        }
        for _ in 0..=self.below(6) {
            self.change();
        }
        &self.input
    }

    fn change(&mut self) {
        let at = self.below(self.input.len() + 1);
        let end = at + self.below(16).min(self.input.len() - at);
        match self.below(8) {
            0 => {
                let byte = self.byte();
                self.put(at, &[byte]);
            }
            1 => drop(self.input.drain(at..end)),
            2 => {
                let byte = self.byte();
                if let Some(changed) = self.input.get_mut(at) {
                    *changed ^= 1 << (byte % 8);
                }
            }
            3 => {
                let part: Vec<u8> = self.input.get(at..end).unwrap_or_default().to_vec();
                let to = self.below(self.input.len() + 1);
                self.put(to, &part);
            }
            // What nests or repeats, nests and repeats deeply.
            4 if self.below(8) == 0 => {
                let times = 1 << self.below(12);
                let piece = self.seed().repeat(times);
                let fitting = piece.len().min(MAX_BYTES);
                self.put(at, piece.get(..fitting).unwrap_or_default());
            }
            _ => {
                let seed = self.seed();
                self.put(at, &seed);
            }
        }
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        drop(self.input.splice(at..at, bytes.iter().copied()));
    }

    fn seed(&mut self) -> Vec<u8> {
        let index = self.below(self.seeds.len());
        self.seeds.get(index).map(|seed| seed.as_bytes().to_vec()).unwrap_or_default()
    }

    fn byte(&mut self) -> u8 {
        let [byte, ..] = self.number().to_le_bytes();
        byte
    }

    fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.number() % limit).unwrap_or_default()
    }

    /// SplitMix64.
    fn number(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// Inputs are longer by one change at most. Long ones are slow, and find less.
const MAX_BYTES: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use super::Mutator;

    #[test]
    fn the_same_number_gives_the_same_inputs() {
        let inputs = |number| {
            let mut mutator = Mutator::new(&["one", "("], number);
            (0..500).map(|_| mutator.next_input().to_vec()).collect::<Vec<_>>()
        };
        assert_eq!(inputs(1), inputs(1));
        assert_ne!(inputs(1), inputs(3));
    }
}
