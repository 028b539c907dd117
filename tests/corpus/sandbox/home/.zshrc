PS1='me@target:~$ '
HISTFILE=~/.history
HISTSIZE=1000
SAVEHIST=1000
bindkey -e
