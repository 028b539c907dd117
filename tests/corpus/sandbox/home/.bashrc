PS1='me@target:~$ '
