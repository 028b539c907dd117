use super::*;

/// What a text runs, in short: `!CODE`, `?` for what cannot be known, `<` for a script, `<FILE` and `>FILE`.
fn read(client: Client, text: &str) -> String {
    let shown = client.runs(text).into_iter().map(|code| match code {
        ClientCode::File => "<".to_owned(),
        ClientCode::Opaque(_) => "?".to_owned(),
        ClientCode::Reads(file) => format!("<{file}"),
        ClientCode::Shell(code) => format!("!{code}"),
        ClientCode::Writes(file) => format!(">{file}"),
    });
    shown.collect::<Vec<_>>().join(" ")
}

#[test]
fn each_language_is_read_as_its_client_reads_it() {
    let mut wrong = Vec::new();
    for (client, text, expected) in [
        (Client::Psql, "select 'a\\! x'; select 1", ""),
        (Client::Psql, "\\! x y", "!x y"),
        (Client::Psql, "\\!", "!sh"),
        (Client::Psql, "select 1 \\g | x", "!x"),
        (Client::Psql, "select E'\\'' \\! x", "!x"),
        (Client::Psql, "\\set v `x y`", "!x y"),
        (Client::Psql, "\\set v `x :y`", "? !x :y"),
        (Client::Psql, "\\i x.sql", "< <x.sql"),
        (Client::Psql, "\\e", "!vi"),
        (Client::Psql, "copy t from program 'x y'", "!x y"),
        (Client::Psql, "select $a$ \\! x $a$", ""),
        (Client::Mysql, "select 1; system x y;", "!x y"),
        (Client::Mysql, "select '\\! x'", ""),
        (Client::Mysql, "select 1,\n  system from t", ""),
        (Client::Mysql, "\\. x.sql", "< <x.sql"),
        (Client::Mysql, "/*! x */ \\! y", "!y"),
        (Client::Sqlite, ".sh x y", "!x y"),
        (Client::Sqlite, ".schema t", ""),
        (Client::Sqlite, "select '|x'", ""),
        (Client::Sqlite, ".once '|x y'", "!x y"),
        (Client::Sqlite, "select edit(a)", "!vi"),
        (Client::Psql, "\\o x", ">x"),
        (Client::Psql, "\\copy t from x csv", "<x"),
        (Client::Psql, "\\copy (select a from b) to 'x y' csv", ">x y"),
        (Client::Psql, "\\copy t to stdout", ""),
        (Client::Sqlite, ".output x", ">x"),
        (Client::Sqlite, ".import --csv x t", "<x"),
        (Client::Mysql, "tee x", ">x"),
        (Client::Ftp, "get a |x y", "!x y"),
        (Client::Ftp, "get a b", ""),
        (Client::Lftp, "open h; ls | x y", "!x y"),
        (Client::Vim, "%s/a/b/g | wq", ""),
        (Client::Vim, "r !x y", "!x y"),
        (Client::Vim, "w! f", ">f"),
        (Client::Vim, "s/a/\\=b/", "?"),
        (Client::Vim, "a\n!x\n.\nwq", "!x"),
        (Client::Ed, "1,$w !x y", "!x y"),
        (Client::Ed, "s/!/?/\nw\nq", ""),
        (Client::Dc, "2 3 !=a", ""),
        (Client::M4, "syscmd(`x y')", "!x y ?"),
        (Client::Gnuplot, "plot '< x y' using 1:2", "!x y"),
        (Client::Roff, ".sy x y", "!x y"),
        (Client::Cql, "SOURCE 'x'; select a from b", "< <x"),
        (Client::Cql, "copy t to 'x'; capture 'y'", ">y >x"),
        (Client::Cql, "select 'a' from source where a = 'b'", ""),
        (Client::Redis, "config set dir /x", "?"),
        (Client::Mongo, "db.t.find({a: 1})", ""),
    ] {
        let found = read(client, text);
        if found != expected {
            wrong.push(format!("{client:?}: {text:?}: {found}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_text_is_too_much() {
    for piece in
        ["\\! x ", "\\", "'", "`", "edit(", "system x;", "!x|", ".once |x\n", "$a", "\\set ' : \\\\ ", "g/x/", "s/a"]
    {
        let text = piece.repeat(60 * 1024 / piece.len());
        for client in [
            Client::Cql,
            Client::Psql,
            Client::Mysql,
            Client::Sqlite,
            Client::Ftp,
            Client::Lftp,
            Client::Vim,
            Client::Ed,
            Client::Dc,
            Client::M4,
            Client::Gnuplot,
            Client::Roff,
            Client::Redis,
            Client::Mongo,
        ] {
            assert!(client.runs(&text).len() <= MAX_CODES + 1, "{client:?}: {piece}");
        }
    }
}
