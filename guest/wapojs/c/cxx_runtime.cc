// What the C++ of Ada needs of a C++ runtime: allocation and std::string. Building all of libc++ for this would take
// longer than everything else together.
#include <cstdlib>
#include <new>
#include <string>

template class std::basic_string<char>;

static void *allocate(std::size_t size)
{
    void *memory = malloc(size ? size : 1);
    if (!memory)
        __builtin_trap(); // without exceptions there is no other way out; the host sees a trap
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
} }
