//! Clients whose language runs nothing but for some commands: Redis, ClickHouse, Cassandra, SQL Server, sftp, lftp,
//! nslookup, OpenSSL.

use super::{Language, Meaning, Place, code::escaped, sql};

/// Such a client.
pub(super) struct Client {
    programs: &'static [&'static str],
    runs: (&'static str, &'static str),
    place: fn(&str) -> Option<Place>,
    quits: &'static [&'static str],
    means: fn(&str) -> Vec<Meaning>,
}

impl Language for Client {
    fn is_spoken_by(&self, program: &str) -> bool {
        self.programs.contains(&program)
    }

    fn runs(&self) -> (&'static str, &'static str) {
        self.runs
    }

    fn place(&self, prompt: &str) -> Option<Place> {
        (self.place)(prompt)
    }

    fn quits(&self, line: &str) -> bool {
        self.quits.contains(&line.trim_end_matches(';').to_ascii_lowercase().as_str())
    }

    fn means(&self, statement: &str) -> Vec<Meaning> {
        (self.means)(statement)
    }
}

pub(super) static REDIS: Client = Client {
    programs: &["redis-cli", "valkey-cli", "keydb-cli"],
    runs: ("redis-cli", "eval"),
    place: redis,
    quits: &["exit", "quit"],
    means: |statement| {
        let words: Vec<&str> = statement.split_whitespace().collect();
        let is = |at: usize, name: &str| words.get(at).is_some_and(|word| word.eq_ignore_ascii_case(name));
        if is(0, "module") && (is(1, "load") || is(1, "loadex")) {
            return vec![Meaning::Unknown];
        }
        let sets = is(0, "config") && is(1, "set") && (is(2, "dir") || is(2, "dbfilename"));
        let file = words.get(3).filter(|_| sets);
        file.map(|file| sql::of_file("tee", &format!("{file}/dump.rdb"))).into_iter().collect()
    },
};

/// `127.0.0.1:6379>`, `127.0.0.1:6379[1]>`, `redis /run/redis.sock>`, `not connected>`, `host:6379(TX)>`
fn redis(prompt: &str) -> Option<Place> {
    let prompt = prompt.strip_suffix('>')?;
    let prompt = ["(TX)", "(subscribed mode)"].iter().find_map(|mode| prompt.strip_suffix(mode)).unwrap_or(prompt);
    let name = match prompt.strip_suffix(']').and_then(|prompt| prompt.rsplit_once('[')) {
        Some((name, number)) if number.chars().all(|c| c.is_ascii_digit()) => name,
        _ => prompt,
    };
    let port = name.rsplit_once(':').map(|(_, port)| port);
    let has_port = port.is_some_and(|port| !port.is_empty() && port.chars().all(|c| c.is_ascii_digit()));
    let is_prompt = has_port
        || matches!(name, "not connected" | "redis" | "valkey" | "")
        || name.starts_with("redis ")
        || name.starts_with("valkey ");
    (is_prompt && !(name.is_empty() && prompt.is_empty())).then_some(Place::First)
}

pub(super) static CLICKHOUSE: Client = Client {
    programs: &["clickhouse-client", "clickhouse", "clickhouse-local"],
    runs: ("clickhouse-client", "-q"),
    place: |prompt| match prompt {
        ":-]" => Some(Place::Next),
        _ => prompt.strip_suffix(":)").filter(|host| !host.trim().is_empty()).map(|_| Place::First),
    },
    quits: &["exit", "quit", "q", "\\q", ":q", "logout"],
    means: sql::served,
};

pub(super) static CASSANDRA: Client = Client {
    programs: &["cqlsh", "influx", "snowsql", "trino", "presto", "spark-sql", "beeline", "impala-shell", "hive"],
    runs: ("cqlsh", "-e"),
    place: |prompt| {
        let name = prompt.strip_suffix('>')?;
        let is_next = name.trim_start() == "..." || (name.trim_start().starts_with('-') && name.trim() == "-");
        let programs = ["cqlsh", "influx", "trino", "presto", "spark-sql", "hive", "impala", "0: jdbc", "snowsql"];
        let is_first = name.is_empty() || programs.iter().any(|program| name.contains(program));
        if is_next { Some(Place::Next) } else { is_first.then_some(Place::First) }
    },
    quits: &["exit", "quit", "!q", "!quit"],
    means: |statement| {
        // beeline, spark-sql and impala-shell give what follows `!` or `!sh` to a shell.
        let mut means = escaped(statement, &["!sh ", "!", "shell ", "SHELL "]);
        means.extend(sql::served(statement));
        let starts = ["source ", "SOURCE ", "capture ", "CAPTURE ", "!run "];
        means.extend(escaped(statement, &starts).into_iter().map(|meaning| match meaning {
            Meaning::Shell(file) | Meaning::Maybe(file) => sql::of_file("tee", &file),
            Meaning::Unknown => Meaning::Unknown,
        }));
        means
    },
};

pub(super) static SQLCMD: Client = Client {
    programs: &["sqlcmd", "isql", "tsql", "fisql", "osql", "sqlplus", "sql"],
    runs: ("sqlcmd", "-Q"),
    place: |prompt| {
        let number = prompt.trim_start().strip_suffix('>');
        let is_counted = number.is_some_and(|number| !number.is_empty() && number.chars().all(|c| c.is_ascii_digit()));
        let is_oracle = prompt == "SQL>";
        let is_oracle_next = prompt.len() < 6 && prompt.trim().parse::<u16>().is_ok();
        match number {
            Some("1") => Some(Place::First),
            _ if is_oracle => Some(Place::First),
            _ => (is_counted || is_oracle_next).then_some(Place::Next),
        }
    },
    quits: &["exit", "quit", ":quit", ":exit"],
    means: |statement| {
        let mut means = escaped(statement, &[":!!", "!!", "!", "host ", "HOST ", "ho ", "$"]);
        means.extend(sql::served(statement));
        let script = |line: &&str| [":r ", ":R ", "@", "start ", "START "].iter().any(|start| line.starts_with(start));
        means.extend(statement.lines().map(str::trim_start).filter(script).map(|_| Meaning::Unknown));
        means
    },
};

pub(super) static SFTP: Client = Client {
    programs: &["sftp", "ftp", "tnftp"],
    runs: ("sftp", "-b"),
    place: |prompt| (matches!(prompt, "sftp>" | "ftp>")).then_some(Place::First),
    quits: &["bye", "exit", "quit"],
    means: |statement| {
        let mut means = escaped(statement, &["!", "lls "]);
        for line in statement.lines().map(str::trim) {
            let words: Vec<&str> = line.split_whitespace().collect();
            // ftp gives what it lists or gets to a program behind `|`.
            means.extend(line.split_once('|').map(|(_, command)| super::code::shell(command.trim_end_matches('"'))));
            match words.as_slice() {
                ["macdef" | "$", ..] => means.push(Meaning::Unknown),
                ["get" | "reget" | "recv" | "mget", .., file] => means.push(sql::of_file("tee", file)),
                ["put" | "send" | "mput", file, ..] => means.push(sql::of_file("cat", file)),
                _ => {}
            }
        }
        means
    },
};

pub(super) static LFTP: Client = Client {
    programs: &["lftp"],
    runs: ("lftp", "-c"),
    place: |prompt| (prompt.starts_with("lftp ") && prompt.ends_with('>')).then_some(Place::First),
    quits: &["bye", "exit", "quit"],
    means: |statement| {
        let mut means = escaped(statement, &["!", "shell "]);
        means.extend(statement.split_once('|').map(|(_, command)| super::code::shell(command)));
        means.extend(statement.split_once('>').map(|(_, file)| sql::of_file("tee", file.trim_start_matches('>'))));
        let runs = [
            "source ",
            "eval ",
            "local ",
            "queue ",
            "repeat ",
            "at ",
            "alias ",
            "set cmd:",
            "set sftp:connect-program",
            "set fish:connect-program",
        ];
        if statement.contains(';') || runs.iter().any(|start| statement.trim_start().starts_with(start)) {
            means.extend(statement.split(';').flat_map(|piece| escaped(piece, &["!", "shell "])));
            means.extend(runs.iter().any(|start| statement.contains(start)).then_some(Meaning::Unknown));
        }
        means
    },
};

pub(super) static NSLOOKUP: Client = Client {
    programs: &["nslookup", "rndc", "nsupdate"],
    runs: ("nslookup", "-"),
    place: |prompt| (prompt == ">").then_some(Place::First),
    quits: &["exit", "quit"],
    means: |statement| statement.split_once('>').map(|(_, file)| sql::of_file("tee", file)).into_iter().collect(),
};

pub(super) static OPENSSL: Client = Client {
    programs: &["openssl"],
    runs: ("openssl", "version"),
    place: |prompt| (prompt == "OpenSSL>").then_some(Place::First),
    quits: &["exit", "quit", "q"],
    means: |statement| vec![Meaning::Shell(format!("openssl {statement}"))],
};
