//! Clients that carry files: ftp, sftp, lftp and smbclient.

use super::{ClientCode, Codes, unquoted};

/// Commands of ftp, sftp and smbclient.
pub(super) fn ftp(text: &str, out: &mut Codes) {
    // smbclient has several commands in a line.
    let pieces = text.lines().flat_map(|line| line.split(';').skip(1));
    for line in text.lines().chain(pieces) {
        let line = line.trim_start_matches([' ', '\t', '-', '@']).trim_end();
        if local(line, out) {
            continue;
        }
        let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        // sftp has the shell list what is here.
        if name == "lls" && !rest.is_empty() {
            out.push(ClientCode::Shell(format!("ls {rest}")));
        }
        if let Some(pager) =
            rest.strip_prefix("pager ").or_else(|| rest.strip_prefix("editor ")).filter(|_| name == "set")
        {
            out.push(ClientCode::Shell(pager.trim().to_owned()));
        }
        // Where a file is named a program may be: `get x |CODE`.
        let pipe = rest.match_indices('|').find(|(at, _)| {
            rest.get(..*at).is_none_or(|before| before.is_empty() || before.ends_with([' ', '\t', '"', '\'']))
        });
        if let Some((at, _)) = pipe {
            let code = rest.get(at + 1..).unwrap_or_default().trim_end_matches(['"', '\'']);
            out.push(ClientCode::Shell(code.trim().to_owned()));
        }
    }
}

/// `!CODE`, or a shell.
fn local(line: &str, out: &mut Codes) -> bool {
    let Some(code) = line.strip_prefix('!') else { return false };
    out.push(ClientCode::Shell(if code.trim().is_empty() { "sh" } else { code.trim() }.to_owned()));
    true
}

/// Commands of lftp: they have pipes and redirections, and some take code.
pub(super) fn lftp(text: &str, out: &mut Codes) {
    for line in text.lines().map(str::trim) {
        // The rest of the line is the shell's.
        if let Some((_, code)) =
            line.split_once('!').filter(|(before, _)| before.is_empty() || before.ends_with([';', ' ', '&', '|']))
        {
            out.push(ClientCode::Shell(if code.trim().is_empty() { "sh" } else { code.trim() }.to_owned()));
        }
        for piece in line.split([';', '&']).map(str::trim) {
            if piece.starts_with(['!', '#']) {
                continue;
            }
            let (command, pipe) =
                piece.split_once('|').map_or((piece, None), |(command, code)| (command.trim(), Some(code)));
            if let Some(code) = pipe {
                out.push(match unquoted(code.trim()) {
                    Some(code) => ClientCode::Shell(code),
                    None => ClientCode::Opaque("which program reads the output is not clear"),
                });
            }
            let (name, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
            lftp_command(name, rest.trim(), out);
        }
    }
}

fn lftp_command(name: &str, rest: &str, out: &mut Codes) {
    match name {
        "shell" => out.push(ClientCode::Shell(if rest.is_empty() { "sh" } else { rest }.to_owned())),
        "local" => lftp(rest, out),
        "set"
            if rest.contains("program")
                || rest.contains("prompt")
                || rest.contains("cmd:")
                || rest.contains("fish:shell") =>
        {
            let value = rest.split_once(char::is_whitespace).and_then(|(_, value)| unquoted(value.trim()));
            out.push(value.map_or(ClientCode::Opaque("a setting of lftp runs a program"), ClientCode::Shell));
        }
        _ if LFTP.split_ascii_whitespace().any(|known| known == name) => {}
        _ => {
            if !rest.is_empty() {
                out.push(ClientCode::Shell(rest.to_owned()));
            }
            out.push(ClientCode::Opaque("a command of lftp may run a program"));
        }
    }
}

/// Commands of lftp that run nothing here.
const LFTP: &str = "\
    anon bookmark bye cache cat cd chmod close cls connect debug du echo exit find get get1 glob hist history jobs kill lcd \
    lpwd ls mget mirror mkdir mput mrm mv nlist open pget put pwd quit quote rels reget renlist reput rm rmdir set site sleep \
    status suspend tasks user ver version wait zcat";
