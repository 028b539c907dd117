//! Who reads after which line.

use shell::{ParseContext, parse};

use super::*;

fn after(line: &str) -> Foreground {
    Foreground::after(&parse(line, &ParseContext::typed()))
}

/// The reader as a word: a language by the program that would run its statements.
fn named(foreground: Foreground) -> &'static str {
    match foreground {
        Foreground::Data => "data",
        Foreground::Multiplexer => "panes",
        Foreground::Program => "program",
        Foreground::Repl(repl) => repl.runs().0,
        Foreground::Screen => "screen",
        Foreground::Shell => "shell",
    }
}

#[test]
fn what_a_line_starts_reads_next_through_whatever_it_is_started() {
    const LINES: &str = "
        vim f                                    screen
        less /var/log/syslog                     screen
        git log                                  screen
        git rebase -i HEAD~2                     screen
        git commit                               screen
        git push                                 program
        git --version                            program
        cd /srv && git status                    program
        git -C /srv log                          screen
        git --no-pager log                       program
        dmesg | less                             screen
        man ls                                   screen
        systemctl status nginx                   screen
        systemctl restart nginx                  program
        journalctl -u x                          screen
        kubectl edit deploy/x                    screen
        kubectl -n x get pods                    program
        crontab -e                               screen
        crontab -l                               program
        visudo                                   screen
        sudo visudo                              screen
        sudo vim f                               screen
        sudo -u web nano f                       screen
        sudo -e /srv/f                           screen
        sudoedit /srv/f                          screen
        sudo env A=1 nice -n 5 vim f             screen
        sudo journalctl -f                       screen
        sudo systemctl edit x                    screen
        bash -c 'vim f'                          screen
        find . -name f -exec vim {} ;            screen
        docker exec -it c vim f                  screen
        kubectl exec -it p -- vim f              screen
        tmux                                     panes
        sudo tmux                                panes
        mc                                       panes
        ls -l; date                              program
        sudo apt update                          program
        sudo ls                                  program
        sudo -l                                  program
        docker ps                                program
        docker compose logs -f                   program
        docker exec c ls                         program
        ssh host ls                              program
        make                                     program
        ./vim f                                  program
        ./deploy --now                           program
        ./venv/bin/python3                       python3
        cat > f                                  data
        sudo tee /srv/f                          data
        cat f                                    program
        cat < f                                  program
        cat | sh                                 shell
        ls | tee f                               program
        sleep 1; cat > f                         program
        python3                                  python3
        python3 -c 'print(input())'              program
        python3 -i -c 'x = 1'                    python3
        date; python3                            python3
        /opt/venv/bin/python3                    python3
        sudo python3                             python3
        env X=1 python3                          python3
        nice python3                             python3
        poetry run python                        python3
        uv run python                            python3
        pipenv run python                        python3
        conda run -n x python                    python3
        ipython3 --no-banner                     python3
        psql -U postgres                         psql
        sudo -u postgres psql                    psql
        su - postgres -c psql                    psql
        docker exec -it c psql -U app            psql
        docker compose exec db psql              psql
        kubectl exec -it p -- mysql -u root      mysql
        kubectl -n x exec -it p -c c -- mysql    mysql
        ssh -t host psql                         psql
        mysqlreal -u root -S /pg/my.sock         mysql
        mariadb                                  mysql
        mysqldump app                            program
        psql < f                                 program
        sudo sqlite3 t.db                        sqlite3
        redis-cli -h x                           redis-cli
        irb                                      ruby
        rails console                            ruby
        bundle exec rails c                      ruby
        node                                     node
        bc -q                                    bc
        vim f; sh                                shell
        sh | less                                shell
        bash                                     shell
        sudo -i                                  shell
        sudo -s                                  shell
        sudo bash                                shell
        sudo su -                                shell
        su -                                     shell
        ssh host                                 shell
        docker exec -it c sh                     shell
        docker run -it debian                    shell
        kubectl exec -it p -- bash               shell
        kubectl debug -it p                      shell
        kubectl exec -it p -- sh -c bash         shell
        sudo -i; vim f                           shell
        ssh vim; vim                             shell
        ssh python3; python3                     shell
        $X                                       shell
        stty raw; vim f                          shell
        exec dash                                shell
        bash -c 'vim f; sh'                      shell
    ";
    for line in LINES.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (line, expected) = line.rsplit_once(' ').unwrap();
        assert_eq!(named(after(line.trim())), expected, "{line}");
    }
}

#[test]
fn a_job_that_was_stopped_reads_again() {
    let mut jobs = Jobs::default();
    let fg = |jobs: &mut Jobs, line: &str| jobs.continued(&parse(line, &ParseContext::typed())).map(named);
    assert_eq!(fg(&mut jobs, "fg"), None);
    jobs.stopped(after("vim f"));
    jobs.stopped(after("psql"));
    jobs.stopped(after("bash"));
    assert_eq!((fg(&mut jobs, "ls"), fg(&mut jobs, "fg; ls")), (None, None));
    assert_eq!(fg(&mut jobs, "fg %1"), Some("screen"));
    assert_eq!(fg(&mut jobs, "%"), Some("psql"));
    assert_eq!(fg(&mut jobs, "fg"), None);
    (0..40).for_each(|_| jobs.stopped(after("make")));
    jobs.stopped(after("vim f"));
    assert_eq!(fg(&mut jobs, "fg"), Some("screen"));
}
