//! What the text so far, and the lines before it, mean for the command at hand.

use super::{MAX_TYPED_STEPS, Walker};
use crate::{Command, Word, base_name, hooks};

impl Walker<'_> {
    /// The words that the name stands for since an `alias`. One that begins with its own name is not read once more.
    pub(crate) fn alias_of(&mut self, name: &str) -> Option<Vec<Word>> {
        if self.own_name.take().is_some_and(|own| own == name) {
            return None;
        }
        let aliases = self.cx.earlier.aliases.iter().chain(&self.out.aliases);
        let (_, text) = aliases.rev().find(|(alias, _)| alias == name)?;
        let words: Vec<Word> = text.split_ascii_whitespace().map(Word::of).collect();
        if words.first()?.known() == Some(name) {
            self.own_name = Some(name.to_owned());
        }
        Some(words)
    }

    /// Whether a command of the text so far writes or makes a file of this name. What it has then is no script that stood
    /// there before.
    pub(crate) fn has_written(&mut self, name: &str) -> bool {
        self.lookups += 1;
        if self.lookups > MAX_LOOKUPS || self.out.commands.len() > MAX_TYPED_STEPS {
            return true;
        }
        let is_it = |file: &Word| {
            let end = file.ending();
            base_name(end) == name || (end.is_empty() && file.known().is_none())
        };
        let is_earlier = self.cx.earlier.written.iter().any(|written| written == name);
        is_earlier
            || self.out.commands.iter().any(|command| {
                let is_written = command.redirects.iter().any(|redirect| redirect.writes && is_it(&redirect.file));
                let is_made = matches!(
                    command.program(),
                    Some(
                        "cp" | "curl"
                            | "dd"
                            | "install"
                            | "link"
                            | "ln"
                            | "mv"
                            | "scp"
                            | "sponge"
                            | "tee"
                            | "wget"
                            | "sftp"
                    )
                );
                is_written || (is_made && command.arguments().iter().any(is_it))
            })
    }

    /// Whether what the command reads comes from a file of statements: its own redirection, that of a program which runs
    /// it, or a program in front that shows one.
    pub(super) fn reads_named_statements(&self, command: &Command) -> bool {
        let is_read = |command: &Command| {
            command.redirects.iter().any(|redirect| !redirect.writes && hooks::is_named_statements(&redirect.file))
        };
        let shows = |command: &&Command| {
            let mut operands = command.arguments().iter().filter(|word| !word.start().starts_with('-')).peekable();
            matches!(command.program(), Some("bzcat" | "cat" | "gunzip" | "gzip" | "xzcat" | "zcat" | "zstdcat"))
                && operands.peek().is_some()
                && operands.all(hooks::is_named_statements)
        };
        let has_redirect = |command: &Command| command.redirects.iter().any(|redirect| !redirect.writes);
        let mut before = self.out.commands.iter().rev();
        let runners = before.by_ref().take(self.wrappers).chain([command]);
        match runners
            .fold((false, false), |(any, named), command| (any || has_redirect(command), named || is_read(command)))
        {
            (true, named) => named,
            (false, _) => before.next().is_some_and(|command| shows(&command)),
        }
    }
}

/// How often it is looked up what a text has written.
const MAX_LOOKUPS: usize = 32;
