set -g fish_greeting
function fish_prompt
    echo -n 'me@target:~$ '
end
