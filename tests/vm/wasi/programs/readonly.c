/* What a program may do in a directory that it was given read-only: read, and nothing else. /data holds "file" with
 * "text", "dir/inner" and "link" to "file". /more may be written. */
#include "program.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

PROGRAM
{
    char text[16];
    struct stat status;
    struct timespec times[2] = {{1, 0}, {1, 0}};

    int fd = open("/data/file", O_RDONLY);
    CHECK(fd > 2 && read(fd, text, 16) == 4 && !memcmp(text, "text", 4));
    FAILS(write(fd, "x", 1), EBADF);
    CHECK(ftruncate(fd, 0) == -1);
    CHECK(posix_fallocate(fd, 0, 10) != 0);
    FAILS(futimens(fd, times), EROFS);
    CHECK(close(fd) == 0);
    CHECK(stat("/data/link", &status) == 0 && status.st_size == 4);
    CHECK(access("/data/file", R_OK) == 0);
    FAILS(access("/data/file", W_OK), EACCES);
    DIR *dir = opendir("/data/dir");
    CHECK(dir && readdir(dir) && readdir(dir) && readdir(dir) && !readdir(dir) && closedir(dir) == 0);

    FAILS(open("/data/file", O_WRONLY), EROFS);
    FAILS(open("/data/file", O_RDWR), EROFS);
    FAILS(open("/data/file", O_WRONLY | O_APPEND), EROFS);
    FAILS(open("/data/file", O_RDONLY | O_TRUNC), EROFS);
    FAILS(open("/data/link", O_RDWR), EROFS);
    FAILS(open("/data/new", O_RDONLY | O_CREAT, 0666), EROFS);
    FAILS(open("/data/new", O_WRONLY | O_CREAT | O_EXCL, 0666), EROFS);
    FAILS(open("/data/file", O_WRONLY | O_CREAT | O_EXCL, 0666), EEXIST);
    fd = open("/data/file", O_RDONLY | O_CREAT, 0666);
    CHECK(fd > 2 && close(fd) == 0);
    FAILS(mkdir("/data/new", 0777), EROFS);
    FAILS(rmdir("/data/dir"), EROFS);
    FAILS(unlink("/data/file"), EROFS);
    FAILS(rename("/data/file", "/data/other"), EROFS);
    FAILS(rename("/data/file", "/more/file"), EROFS);
    FAILS(rename("/more/own", "/data/own"), EROFS);
    FAILS(link("/data/file", "/data/again"), EROFS);
    FAILS(link("/data/file", "/more/again"), EROFS);
    FAILS(link("/more/own", "/data/own"), EROFS);
    FAILS(symlink("file", "/data/again"), EROFS);
    FAILS(utimensat(AT_FDCWD, "/data/file", times, 0), EROFS);
    FAILS(utimensat(AT_FDCWD, "/data/link", times, AT_SYMLINK_NOFOLLOW), EROFS);

    /* Through a directory that was opened from it: the same. */
    int inner = open("/data/dir", O_RDONLY | O_DIRECTORY);
    CHECK(inner > 2);
    FAILS(openat(inner, "inner", O_WRONLY), EROFS);
    FAILS(openat(inner, "new", O_WRONLY | O_CREAT, 0666), EROFS);
    FAILS(unlinkat(inner, "inner", 0), EROFS);
    FAILS(mkdirat(inner, "new", 0777), EROFS);
    CHECK(close(inner) == 0);

    CHECK((fd = open("/more/own", O_RDWR)) > 2 && write(fd, "x", 1) == 1 && close(fd) == 0);
}
