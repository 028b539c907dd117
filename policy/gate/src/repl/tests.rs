//! Prompts of each language, and what its statements run.

use super::*;

fn language(program: &str) -> Repl {
    of_program(program).unwrap_or_else(|| panic!("{program} has a prompt"))
}

#[test]
fn a_prompt_is_known_by_its_form() {
    // `|` is the end of the prompt; a prompt after `+` goes on, one after `-` is none.
    const PROMPTS: &str = r###"
        psql       : app=> | app=# | postgres=# | me/app=> | app=*# | app=!> | me@db1:app>
        psql       + app-# | app(# | app'# | app"# | app$# | app*#
        psql       - root@host:/# | me@host:~> | me@host:/srv> | $ | > | bash-5.2$ | bash-5.2# | [root@x ~]# |
        mysql      : mysql> | MariaDB [(none)]> | MariaDB [app]> | MySQL [app]>
        mysql      - > | me@host:~> | host:/srv> | root# |
        sqlite3    : sqlite> | D
        sqlite3    +    ...> | (x1...> | ·
        sqlite3    - > | $ |
        redis-cli  : 127.0.0.1:6379> | 127.0.0.1:6379[1]> | not connected> | redis /run/r.sock> | r1:6379(TX)>
        redis-cli  - > | me@host:~> | host> |
        mongosh    : test> | rs0 [direct: primary] app> | Atlas atlas-x-shard-0 [primary] app> | rs0:PRIMARY>
        mongosh    - > | me@host ~> | ~> | /srv> |
        python3.11 : >>> | (Pdb) | ipdb> | (Pdb++) | In [1]: | In [12]:
        python3    + ... |    ...: |     ...:
        python3    - $ | user@host:~$ | x>>> | > |
        node       : >
        node       + ... | |
        irb        : irb(main):001:0> | irb(main):001> | irb(main):12:0> | 3.2.2 :001 > | app(dev)> | [1] pry(main)> | >>
        irb        + irb(main):001:1* | irb(main):002* | irb(main):003:1"
        irb        - me@host:~> | root@host(x)# | $ |
        gdb        : (gdb)
        gdb        + >
        lldb       : (lldb)
        bc         :
        bc         - $ | >
        ghci       : ghci> | Prelude> | Prelude Data.List> | *Main>
        julia      : julia> | help?> | (@v1.9) pkg>
        julia      - shell> | $
        R          : >
        R          + +
        octave     : octave:1> | >>
        lua        : >
        lua        + >>
        php        : php >
        php        + php { | php ( | php '
        perl       : DB<1> |   DB<12>
        jshell     : jshell>
        jshell     +    ...>
        scala      : scala>
        clojure    : user=> | app.core=>
        erl        : 1> | (a@host)12>
        erl        - > | $ |
        iex        : iex(1)>
        iex        + ...(1)>
        sftp       : sftp>
        lftp       : lftp me@host:~>
        duckdb     : D
        clickhouse-client : ch1 :)
        clickhouse-client + :-]
        cqlsh      : cqlsh> | me@cqlsh:ks>
        sqlcmd     : 1>
        sqlcmd     + 2>
        sqlplus    : SQL>
        nslookup   : >
        openssl    : OpenSSL>
    "###;
    let mut wrong = Vec::new();
    for line in PROMPTS.lines().filter(|line| !line.trim().is_empty()) {
        let (program, rest) = line.trim_start().split_at(line.trim_start().find(' ').unwrap());
        let (sign, prompts) = rest.trim_start().split_at(1);
        let expected = match sign {
            ":" => Some(Place::First),
            "+" => Some(Place::Next),
            _ => None,
        };
        // `|` alone is a prompt of node.
        let prompts = prompts.strip_prefix(' ').unwrap_or(prompts);
        for prompt in if prompts.ends_with("... | |") { vec!["...", "|"] } else { prompts.split(" | ").collect() } {
            let place = language(program).place(prompt);
            if place != expected {
                wrong.push(format!("{program} {prompt:?}: {place:?}"));
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
}

/// What a statement runs, in a word each: `shell: text`, `unknown`.
fn means(program: &str, statement: &str) -> Vec<String> {
    let means = language(program).means(statement, &Session::default());
    let mut words: Vec<String> = means
        .into_iter()
        .filter_map(|meaning| match meaning {
            Meaning::Shell(text) => Some(format!("shell: {text}")),
            Meaning::Maybe(_) => None,
            Meaning::Unknown => Some("unknown".to_owned()),
        })
        .collect();
    words.dedup();
    words
}

#[test]
fn what_is_harmless_is_only_text() {
    const LINES: &str = r###"
        psql     select count(*) from users where name = 'u3';
        psql     \d users
        psql     \x
        psql     \timing on
        psql     explain (analyze, buffers) select count(*) from users;
        psql     insert into users values (1000, 'it''s me');
        psql     \copy (select * from users limit 3) to 'out.csv' csv header
        psql     select * from t where path like '%\\x%';
        psql     \g out.txt
        psql     \set x 5
        mysql    select count(*) from user where user = 'root';
        mysql    show create table db\G
        mysql    use mysql;
        mysql    select system from t;
        sqlite3  create table t(a int, b text);
        sqlite3  .tables
        sqlite3  .schema t
        sqlite3  .mode column
        sqlite3  .headers on
        sqlite3  .separator |x
        sqlite3  .show
        redis-cli get x
        redis-cli config get maxmemory
        python3  import re; p = re.compile("a(b)c")
        python3  import subprocess
        python3  import os
        python3  os.getcwd()
        python3  cursor.execute("select 1")
        python3  import platform; platform.system()
        python3  system_info = 1; executor = 2; evaluate = 3
        python3  model.eval()
        python3  x = [i for i in range(3)]
        python3  print(sum(x))
        python3  def f(a):
        python3  %timeit sum(range(10))
        python3  x = getattr(y, "name", None)
        python3  print("os.system is a function")
        python3  # os.system
        python3  n
        python3  p 1+1
        python3  print(dir())
        python3  a != b
        python3  importlib.reload(app)
        node     [1,2].map(x => x*2)
        node     /a(b)/.exec("ab")
        node     const fs = require("fs")
        node     `x${1+1}`
        irb      [1,2,3].map { |x| x*2 }
        irb      puts "abc".upcase
        irb      User.where(name: "x").count
        irb      x.send(:name)
        irb      ActiveRecord::Base.connection.execute("select 1")
        gdb      info files
        gdb      p (char*)0
        gdb      break main
        gdb      run
        gdb      n
        gdb      s
        gdb      bt full
        gdb      set pagination off
        gdb      x/10x $sp
        lldb     frame variable
        bc       2^10*(3+4)
        dc       5 4 !=a
        ghci     map (+1) [1,2,3]
        julia    sum([1,2,3])
        R        mean(c(1,2,3))
        R        x <- read.csv("f.csv")
        octave   A = [1 2; 3 4]
        lua      print(("x"):upper())
        php      echo strtoupper("x");
        jshell   int x = 5;
        scala    List(1,2,3).map(_ * 2)
        clojure  (map inc [1 2 3])
        erl      lists:seq(1, 5).
        iex      Enum.map([1,2], &(&1 * 2))
        sftp     ls -l
        sftp     cd /srv
        lftp     mirror x
        duckdb   select * from 'f.parquet';
        clickhouse-client select count() from t
    "###;
    let mut wrong = Vec::new();
    for line in LINES.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (program, statement) = line.split_once(' ').unwrap();
        let means = means(program, statement.trim());
        if !means.is_empty() {
            wrong.push(format!("{line}: {means:?}"));
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn what_runs_something_is_known() {
    const LINES: &str = r###"
        psql     \! rm -rf x                                 shell: rm -rf x
        psql     select 1 \g |rm -rf x                       shell: rm -rf x
        psql     select 1 \gx | rm -rf x                     shell: rm -rf x
        psql     select 1 \g (format=csv) |rm -rf x          shell: rm -rf x
        psql     \o |rm -rf x                                shell: rm -rf x
        psql     \w | rm -rf x                               shell: rm -rf x
        psql     \set x `rm -rf x`                           shell: rm -rf x
        psql     \echo a `rm -rf x` b                        shell: rm -rf x
        psql     select 1 \echo `rm -rf x`                   shell: rm -rf x
        psql     copy t from program 'rm -rf x';             shell: rm -rf x
        psql     \copy t to program 'rm -rf x'               shell: rm -rf x
        psql     \setenv PAGER rm                            shell: export PAGER=rm
        psql     \i f.sql                                    shell: psql -f f.sql
        psql     select 'drop table x' \gexec                unknown
        mysql    \! rm -rf x                                 shell: rm -rf x
        mysql    select 1 \! rm -rf x                        shell: rm -rf x
        mysql    system rm -rf x                             shell: rm -rf x
        mysql    SYSTEM rm -rf x;                            shell: rm -rf x
        mysql    pager rm -rf x                              shell: rm -rf x
        mysql    \P rm -rf x                                 shell: rm -rf x
        mysql    source f.sql                                shell: mysql < f.sql
        mysql    select sys_exec('rm -rf x');                unknown
        sqlite3  .shell rm -rf x                             shell: rm -rf x
        sqlite3  .shel rm -rf x                              shell: rm -rf x
        sqlite3  .sys rm -rf x                               shell: rm -rf x
        sqlite3  .once |rm -rf x                             shell: rm -rf x
        sqlite3  .output |rm -rf x                           shell: rm -rf x
        sqlite3  .o |rm -rf x                                shell: rm -rf x
        sqlite3  .import "|rm -rf x" t                       shell: rm -rf x
        sqlite3  .read |rm -rf x                             shell: rm -rf x
        sqlite3  .load ./x                                   unknown
        sqlite3  select load_extension('x');                 unknown
        sqlite3  select edit('x', 'rm -rf x');               unknown
        redis-cli module load /tmp/x.so                      unknown
        python3  os.system(x)                                unknown
        python3  import os; s=getattr(os,"sys"+"tem")        unknown
        python3  getattr(os, "system")("x")                  unknown
        python3  s = os.system                               unknown
        python3  subprocess.run(x)                           unknown
        python3  import subprocess as sp; sp.run(x)          unknown
        python3  from os import system as s; s(x)            unknown
        python3  __import__("os").system("x")                unknown
        python3  eval(x)                                     unknown
        python3  exec(x)                                     unknown
        python3  f"{os.system(x)}"                           unknown
        python3  globals()["x"](y)                           unknown
        python3  pty.spawn("x")                              unknown
        python3  shutil.rmtree("x")                          unknown
        python3  importlib.import_module("os")               unknown
        python3  !rm -rf x                                   shell: rm -rf x
        python3  !!rm -rf x                                  shell: rm -rf x
        python3  %sx rm -rf x                                shell: rm -rf x
        python3  files = !rm -rf x                           shell: rm -rf x
        node     require("child_process")                    unknown
        node     require("node:child_" + x)                  unknown
        node     child_process.execSync("x")                 unknown
        node     process.binding("spawn_sync")               unknown
        node     eval(x)                                     unknown
        node     this.constructor.constructor("x")()         unknown
        irb      system("x")                                 unknown
        irb      `rm -rf x`                                  unknown
        irb      %x(rm -rf x)                                unknown
        irb      exec "x"                                    unknown
        irb      IO.popen("x")                               unknown
        irb      Kernel.system("x")                          unknown
        irb      send("sys" + "tem", x)                      unknown
        irb      method(:system).call(x)                     unknown
        irb      "#{system(x)}"                              unknown
        gdb      shell rm -rf x                              shell: rm -rf x
        gdb      she rm -rf x                                shell: rm -rf x
        gdb      !rm -rf x                                   shell: rm -rf x
        gdb      make rm                                     shell: make rm
        gdb      pipe info files | rm -rf x                  shell: rm -rf x
        gdb      | info files | rm -rf x                     shell: rm -rf x
        gdb      call system(x)                              unknown
        gdb      p (int)system(x)                            unknown
        gdb      print popen(x)                              unknown
        gdb      python import os                            unknown
        gdb      source f                                    shell: source f
        gdb      run $(rm -rf x)                             shell: debugged-program $(rm -rf x)
        gdb      set exec-wrapper rm -rf x                   shell: rm -rf x
        gdb      target remote | rm -rf x                    shell: rm -rf x
        lldb     platform shell rm -rf x                     shell: rm -rf x
        lldb     expr (int)system(x)                         unknown
        lldb     script x                                    unknown
        dc       !rm -rf x                                   shell: rm -rf x
        ghci     :!rm -rf x                                  shell: rm -rf x
        ghci     System.Process.callCommand x                unknown
        julia    ;rm -rf x                                   shell: rm -rf x
        julia    run(`rm -rf x`)                             unknown
        R        system("x")                                 unknown
        R        eval(parse(text=x))                         unknown
        octave   system("x")                                 unknown
        octave   !rm -rf x                                   shell: rm -rf x
        lua      os.execute("x")                             unknown
        lua      io.popen("x")                               unknown
        lua      os["exe".."cute"]("x")                      unknown
        lua      o = os                                      unknown
        php      system("x");                                unknown
        php      echo `rm -rf x`;                            unknown
        php      $f = "sys"; $$f("x");                       unknown
        perl     !!rm -rf x                                  shell: rm -rf x
        perl     system "x"                                  unknown
        jshell   Runtime.getRuntime().exec("x")              unknown
        scala    :sh rm -rf x                                unknown
        scala    "x".!                                       unknown
        clojure  (sh "rm")                                   unknown
        erl      os:cmd("x").                                unknown
        iex      System.cmd("x", [])                         unknown
        iex      :os.cmd('x')                                unknown
        sftp     !rm -rf x                                   shell: rm -rf x
        ftp      get x "|rm -rf x"                           shell: rm -rf x
        lftp     !rm -rf x                                   shell: rm -rf x
        lftp     ls | rm -rf x                               shell: rm -rf x
        sqlcmd   :!! rm -rf x                                shell: rm -rf x
        sqlcmd   exec xp_cmdshell 'rm -rf x'                 shell: rm -rf x
        sqlplus  host rm -rf x                               shell: rm -rf x
    "###;
    let mut wrong = Vec::new();
    for line in LINES.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (program, rest) = line.split_once(' ').unwrap();
        let at = rest.rfind("  ").unwrap();
        let (statement, expected) = (rest[..at].trim(), rest[at..].trim());
        let means = means(program, statement);
        if means.last().map(String::as_str) != Some(expected) {
            wrong.push(format!("{line}: {means:?}"));
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn names_that_stand_for_what_runs_are_remembered() {
    for (program, prompt, lines, expected) in [
        ("python3", ">>>", &["s=getattr(os,\"sys\"+\"tem\")", "s(\"x\")"][..], true),
        ("python3", ">>>", &["s=getattr(os,\"sys\"+\"tem\")", "t = 1"], false),
        ("python3", ">>>", &["from subprocess import run", "run(x)"], true),
        ("python3", ">>>", &["import subprocess as sp", "sp.run(x)"], true),
        ("python3", ">>>", &["import numpy as np", "np.run(x)"], false),
        ("node", ">", &["const cp = require('child_process')", "cp.x()"], true),
        ("irb", "irb(main):001>", &["def f; system(1); end", "f"], true),
    ] {
        let (repl, mut session) = (language(program), Session::default());
        let (last, before) = lines.split_last().unwrap();
        before.iter().for_each(|line| session.went_on(line, repl, prompt));
        assert_eq!(repl.means(last, &session).contains(&Meaning::Unknown), expected, "{lines:?}");
    }
}

#[test]
fn a_statement_of_several_lines_is_read_whole() {
    let (repl, mut session) = (language("psql"), Session::default());
    session.went_on("copy t from", repl, "app=# ");
    session.went_on("program", repl, "app-# ");
    assert_eq!(session.statement("'rm -rf x';", repl, "app-# "), "copy t from\nprogram\n'rm -rf x';");
    assert_eq!(session.statement("select 1;", repl, "app=# "), "select 1;");
    let (repl, mut session) = (language("ipython"), Session::default());
    session.went_on("%%bash", repl, "In [1]: ");
    let cell = session.statement("rm -rf x", repl, "   ...: ");
    assert!(repl.means(&cell, &session).contains(&Meaning::Shell("rm -rf x".to_owned())));
}

#[test]
fn a_language_ends_with_its_own_word() {
    for (program, line) in [
        ("python3", "exit()"),
        ("node", ".exit"),
        ("psql", "\\q"),
        ("mysql", "EXIT;"),
        ("sqlite3", ".quit"),
        ("bc", "quit"),
        ("irb", "exit"),
        ("gdb", "q"),
        ("erl", "q()."),
    ] {
        assert!(language(program).quits(line) && !language(program).quits("x"), "{program}");
    }
}

#[test]
fn nothing_that_is_said_takes_long_or_panics() {
    for text in ["\"".repeat(8000), "\\".repeat(8000), "a.".repeat(4000), "`|".repeat(4000), "'é".repeat(2000)] {
        for program in
            ["psql", "mysql", "sqlite3", "python3", "node", "irb", "gdb", "lua", "redis-cli", "lftp", "scala"]
        {
            let repl = language(program);
            assert!(repl.means(&text, &Session::default()).len() <= MAX_MEANINGS + 1, "{program}");
            let _ = (repl.place(&text), repl.quits(&text));
        }
    }
    assert_eq!(language("psql").means(&"x".repeat(17_000), &Session::default()), [Meaning::Unknown]);
}
