/* Files and directories through an ordinary libc, in a directory that may be written: /data. */
#include "program.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static char big[5 << 20];

static void streams(void)
{
    char line[64];
    FILE *file = fopen("/data/notes.txt", "w");
    CHECK(file != NULL);
    CHECK(fprintf(file, "first\nsecond %d\n", 2) == 15);
    CHECK(fclose(file) == 0);

    CHECK((file = fopen("/data/notes.txt", "a")) != NULL);
    CHECK(fputs("third\n", file) >= 0);
    CHECK(fclose(file) == 0);

    CHECK((file = fopen("/data/notes.txt", "r")) != NULL);
    CHECK(fgets(line, sizeof line, file) && !strcmp(line, "first\n"));
    CHECK(fgets(line, sizeof line, file) && !strcmp(line, "second 2\n"));
    CHECK(fgets(line, sizeof line, file) && !strcmp(line, "third\n"));
    CHECK(!fgets(line, sizeof line, file) && feof(file));
    CHECK(fseek(file, 6, SEEK_SET) == 0);
    CHECK(fgets(line, sizeof line, file) && !strcmp(line, "second 2\n"));
    CHECK(fseek(file, -6, SEEK_END) == 0 && ftell(file) == 15);
    CHECK(fclose(file) == 0);

    CHECK(fopen("/data/missing.txt", "r") == NULL && errno == ENOENT);
    CHECK(fopen("/elsewhere/x", "r") == NULL && errno == ENOENT);
    CHECK(fopen("/data/notes.txt", "wx") == NULL && errno == EEXIST);
}

static void descriptors(void)
{
    char text[16] = {0};
    struct stat status;
    int fd = open("/data/numbers", O_RDWR | O_CREAT | O_TRUNC, 0666);
    CHECK(fd > 2);
    CHECK(write(fd, "0123456789", 10) == 10);
    CHECK(lseek(fd, 0, SEEK_CUR) == 10);
    CHECK(lseek(fd, 2, SEEK_SET) == 2);
    CHECK(read(fd, text, 3) == 3 && !memcmp(text, "234", 3));
    CHECK(pread(fd, text, 4, 6) == 4 && !memcmp(text, "6789", 4));
    CHECK(pread(fd, text, 4, 100) == 0);
    CHECK(lseek(fd, 0, SEEK_CUR) == 5);
    CHECK(pwrite(fd, "AB", 2, 0) == 2);
    CHECK(lseek(fd, 0, SEEK_CUR) == 5);
    CHECK(lseek(fd, -1, SEEK_END) == 9);
    FAILS(lseek(fd, -20, SEEK_CUR), EINVAL);
    CHECK(lseek(fd, 10, SEEK_END) == 20);
    CHECK(write(fd, "Z", 1) == 1);
    CHECK(fstat(fd, &status) == 0 && status.st_size == 21 && S_ISREG(status.st_mode));
    CHECK(pread(fd, text, 3, 9) == 3 && !memcmp(text, "9\0\0", 3));

    struct iovec parts[3] = {{"ab", 2}, {"", 0}, {"cde", 3}};
    CHECK(lseek(fd, 0, SEEK_SET) == 0);
    CHECK(writev(fd, parts, 3) == 5);
    char one[2], two[3];
    struct iovec room[2] = {{one, 2}, {two, 3}};
    CHECK(lseek(fd, 0, SEEK_SET) == 0);
    CHECK(readv(fd, room, 2) == 5 && !memcmp(one, "ab", 2) && !memcmp(two, "cde", 3));

    CHECK(ftruncate(fd, 4) == 0);
    CHECK(fstat(fd, &status) == 0 && status.st_size == 4);
    CHECK(ftruncate(fd, 6) == 0);
    CHECK(pread(fd, text, 6, 0) == 6 && !memcmp(text, "abcd\0\0", 6));
    CHECK(posix_fallocate(fd, 0, 100) == 0);
    CHECK(fstat(fd, &status) == 0 && status.st_size == 100);
    CHECK(posix_fadvise(fd, 0, 50, POSIX_FADV_WILLNEED) == 0);
    CHECK(fsync(fd) == 0 && fdatasync(fd) == 0);
    CHECK(close(fd) == 0);
    FAILS(close(fd), EBADF);
    FAILS(read(fd, text, 1), EBADF);

    /* Appending: whatever the position is. */
    fd = open("/data/log", O_WRONLY | O_CREAT | O_APPEND, 0666);
    CHECK(write(fd, "one", 3) == 3 && lseek(fd, 0, SEEK_SET) == 0);
    CHECK(write(fd, "two", 3) == 3 && lseek(fd, 0, SEEK_CUR) == 6);
    CHECK(fcntl(fd, F_GETFL) & O_APPEND);
    CHECK(fcntl(fd, F_SETFL, 0) == 0);
    CHECK(lseek(fd, 0, SEEK_SET) == 0 && write(fd, "T", 1) == 1);
    FAILS(read(fd, text, 1), EBADF);
    CHECK(close(fd) == 0);
    fd = open("/data/log", O_RDONLY);
    CHECK(read(fd, text, 16) == 6 && !memcmp(text, "Tnetwo", 6));
    FAILS(write(fd, "x", 1), EBADF);
    CHECK(close(fd) == 0);
}

static void large(void)
{
    /* More than one piece at a time, in single calls. */
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (char)(i * 31 >> 7);
    int fd = open("/data/big", O_RDWR | O_CREAT, 0666);
    CHECK(write(fd, big, sizeof big) == sizeof big);
    memset(big, 0, sizeof big);
    CHECK(lseek(fd, 0, SEEK_SET) == 0);
    CHECK(read(fd, big, sizeof big) == sizeof big);
    size_t wrong = 0;
    for (size_t i = 0; i < sizeof big; i++)
        wrong += big[i] != (char)(i * 31 >> 7);
    CHECK(wrong == 0);
    CHECK(read(fd, big, 1) == 0);
    CHECK(pread(fd, big, sizeof big, 100) == sizeof big - 100);
    CHECK(close(fd) == 0);
}

static void directories(void)
{
    struct stat status;
    CHECK(mkdir("/data/sub", 0777) == 0);
    FAILS(mkdir("/data/sub", 0777), EEXIST);
    FAILS(mkdir("/data/no/sub", 0777), ENOENT);
    CHECK(stat("/data/sub", &status) == 0 && S_ISDIR(status.st_mode));
    for (int i = 0; i < 300; i++) {
        char name[64];
        snprintf(name, sizeof name, "/data/sub/file-with-a-rather-long-name-%03d", i);
        int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0666);
        CHECK(fd > 2 && close(fd) == 0);
    }
    DIR *dir = opendir("/data/sub");
    CHECK(dir != NULL);
    int found = 0, dots = 0;
    char seen[300] = {0};
    long place = 0;
    struct dirent *entry;
    while ((entry = readdir(dir))) {
        int number;
        if (sscanf(entry->d_name, "file-with-a-rather-long-name-%d", &number) == 1) {
            CHECK(!seen[number] && entry->d_type == DT_REG);
            seen[number] = 1;
            if (++found == 100)
                place = telldir(dir);
        } else {
            CHECK((!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) && entry->d_type == DT_DIR);
            dots++;
        }
    }
    CHECK(found == 300 && dots == 2);
    /* Going back to a place gives the rest again. */
    seekdir(dir, place);
    int rest = 0;
    while ((entry = readdir(dir)))
        rest += entry->d_name[0] == 'f';
    CHECK(rest == 200);
    rewinddir(dir);
    CHECK(readdir(dir) != NULL);
    CHECK(closedir(dir) == 0);

    FAILS(rmdir("/data/sub"), ENOTEMPTY);
    FAILS(unlink("/data/sub"), EISDIR);
    FAILS(rmdir("/data/notes.txt"), ENOTDIR);
    for (int i = 0; i < 300; i++) {
        char name[64];
        snprintf(name, sizeof name, "/data/sub/file-with-a-rather-long-name-%03d", i);
        CHECK(unlink(name) == 0);
    }
    CHECK(rmdir("/data/sub") == 0);
    FAILS(rmdir("/data/sub"), ENOENT);
    CHECK(opendir("/data/notes.txt") == NULL && errno == ENOTDIR);
}

static void names(void)
{
    struct stat one, two;
    char target[64];
    CHECK(mkdir("/data/from", 0777) == 0 && mkdir("/data/to", 0777) == 0);
    CHECK(rename("/data/notes.txt", "/data/from/notes") == 0);
    CHECK(rename("/data/from/notes", "/data/to/notes") == 0);
    CHECK(stat("/data/to/notes", &one) == 0);
    CHECK(link("/data/to/notes", "/data/to/again") == 0);
    CHECK(stat("/data/to/again", &two) == 0 && one.st_ino == two.st_ino && two.st_nlink == 2);
    FAILS(link("/data/to/notes", "/data/to/again"), EEXIST);
    CHECK(symlink("to/notes", "/data/short") == 0);
    CHECK(readlink("/data/short", target, sizeof target) == 8 && !memcmp(target, "to/notes", 8));
    CHECK(lstat("/data/short", &one) == 0 && S_ISLNK(one.st_mode) && one.st_size == 8);
    CHECK(stat("/data/short", &one) == 0 && one.st_ino == two.st_ino);
    FAILS(open("/data/short", O_RDONLY | O_NOFOLLOW), ELOOP);
    CHECK(unlink("/data/short") == 0 && unlink("/data/to/again") == 0);
    CHECK(rename("/data/from", "/data/empty") == 0 && rmdir("/data/empty") == 0);

    struct timespec times[2] = {{1000, 7}, {2000, 9}};
    CHECK(utimensat(AT_FDCWD, "/data/to/notes", times, 0) == 0);
    CHECK(stat("/data/to/notes", &one) == 0);
    CHECK(one.st_atim.tv_sec == 1000 && one.st_atim.tv_nsec == 7 && one.st_mtim.tv_sec == 2000);
    times[0].tv_nsec = UTIME_OMIT;
    times[1].tv_nsec = UTIME_NOW;
    int fd = open("/data/to/notes", O_RDONLY);
    CHECK(futimens(fd, times) == 0 && close(fd) == 0);
    CHECK(stat("/data/to/notes", &one) == 0 && one.st_atim.tv_sec == 1000 && one.st_mtim.tv_sec > 2000);

    CHECK(access("/data/to/notes", R_OK | W_OK) == 0);
    FAILS(access("/data/to/nothing", F_OK), ENOENT);
    CHECK(chdir("/data/to") == 0 && access("notes", R_OK) == 0);
    CHECK(access("../to/notes", R_OK) == 0);
}

PROGRAM
{
    streams();
    descriptors();
    large();
    directories();
    names();
}
