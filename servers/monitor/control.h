// The control line: the monitor's commands for tools, over a virtio-console device. On QEMU it is a
// UNIX socket (`tools/exeunt run --control SOCKET`); `nc -U SOCKET` does for a person.
//
// A request is one line, ended by a newline (a carriage return before it does no harm), of at most
// CONTROL_LINE bytes: a command as it is typed at the console, `help` names them all. An answer is
// any number of lines that begin with one space, then one line that doesn't:
//
//     ok
//     error: TEXT         what is wrong, and what to do
//
// Requests are done one after the other, so the next one can be sent at once. Empty lines are no
// requests. Those that take a while are answered when they are decided:
//
//     replace NAME        by the file that it was last started from
//     replace NAME PATH   by a file on the disk
//     replace NAME #SIZE  by the ELF file of SIZE bytes that follows behind the newline as it is
//          sbi-server: replaced, guests paused 8,123 instructions
//         ok
//     kill NAME [COUNT]   COUNT times, each time when it serves again
//          sbi-server: killed 3 times, serves again
//         ok
//
// Nobody tells the monitor when a client goes away, perhaps in the middle of a file, and another
// comes. So a client first sends the mark: CONTROL_MARK bytes that count down from 255. It ends
// whatever was going on, in a file too (the mark is in no ELF file; the tools see to that), and is
// answered by nothing. Behind it `echo WORD` is answered by a line " WORD" and `ok`, which tells
// the client where old answers end:
//
//     "\xff\xfe…\xe0" "echo 4711\n"    →    … " 4711\nok\n"
//
// What was begun before, a replacement, goes on; its answer is lost with the client that waited.
// And what had come when the monitor itself died, or was replaced, and it had not looked at, is
// lost: behind `kill monitor` and `replace monitor` the next request waits for their answer.
#pragma once

#define CONTROL_LINE 256u
#define CONTROL_MARK 32u
