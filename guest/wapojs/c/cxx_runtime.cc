// What the C++ of Ada needs of a C++ runtime: allocation, std::string and hash tables. Building all of libc++ for this
// would take longer than everything else together.
#include <cstdlib>
#include <new>
#include <string>

extern "C" {
#include "wapojs.h"
}

template class std::basic_string<char>;

static void *allocate(std::size_t size)
{
    void *memory = malloc(size ? size : 1);
    if (!memory) {
        // Without exceptions there is no other way out.
        static const char text[] = "out of memory: a URL or a pattern does not fit";
        ocall(OCALL_FAIL, 1, OCALL_POINTER(text), sizeof(text) - 1, 0);
        __builtin_trap();
    }
    return memory;
}

const std::nothrow_t std::nothrow{};

void *operator new(std::size_t size) { return allocate(size); }
void *operator new[](std::size_t size) { return allocate(size); }
void *operator new(std::size_t size, const std::nothrow_t &) noexcept { return malloc(size ? size : 1); }
void *operator new[](std::size_t size, const std::nothrow_t &) noexcept { return malloc(size ? size : 1); }
void operator delete(void *memory) noexcept { free(memory); }
void operator delete[](void *memory) noexcept { free(memory); }
void operator delete(void *memory, std::size_t) noexcept { free(memory); }
void operator delete[](void *memory, std::size_t) noexcept { free(memory); }

namespace std { inline namespace __1 {
[[noreturn]] void __libcpp_verbose_abort(const char *, ...) noexcept { __builtin_trap(); }

string to_string(unsigned value)
{
    char digits[10], *at = digits + sizeof(digits);
    do
        *--at = static_cast<char>('0' + value % 10);
    while (value /= 10);
    return string(at, digits + sizeof(digits));
}

string to_string(int value)
{
    return value < 0 ? "-" + to_string(0u - static_cast<unsigned>(value)) : to_string(static_cast<unsigned>(value));
}

string to_string(unsigned long value)
{
    return to_string(static_cast<unsigned>(value)); // the same size in wasm32
}

// What hash tables ask for: their number of buckets, and the hash of a string (FNV-1a).
size_t __next_prime(size_t least)
{
    for (size_t n = least;; n++) {
        bool prime = n > 1;
        for (size_t d = 2; prime && d * d <= n; d++)
            prime = n % d != 0;
        if (prime || !least)
            return prime ? n : 0;
    }
}

size_t __hash_memory(_LIBCPP_NOESCAPE const void *data, size_t length) noexcept
{
    auto *bytes = static_cast<const unsigned char *>(data);
    size_t hash = 2166136261u;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ bytes[i]) * 16777619u;
    return hash;
}
} }
