#!/bin/sh
# Runs the commands that standard input gives, until it is closed: then it kills them, and removes the folder. Whoever
# holds the other end may end in any way: nothing outlives it.
#
# guard.sh FOLDER: a line is NAME COMMAND; the command's output goes to FOLDER/NAME.log, its process is answered.
folder=$1
processes=
trap : INT TERM
while read -r name command; do
    eval "exec $command" >"$folder/$name.log" 2>&1 </dev/null &
    processes="$processes $!"
    echo $!
done
# shellcheck disable=SC2086 # one word a process
kill -9 $processes 2>/dev/null
wait
rm -rf -- "$folder"
