// What a program writes to files of one name fails or waits, as a control file says: ../README.md.

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <dlfcn.h>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <thread>
#include <unistd.h>

namespace {

using Steady = std::chrono::steady_clock;

constexpr auto kPoll = std::chrono::milliseconds(2);

std::string_view setting(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string_view() : std::string_view(value);
}

/// The file's text; empty without the file. A test replaces it by renaming, so it is never half.
std::string text_of(std::string_view path) {
    std::array<char, 4096> text{};
    const int fd = path.empty() ? -1 : ::open(path.data(), O_RDONLY | O_CLOEXEC);
    const ssize_t size = fd < 0 ? 0 : ::read(fd, text.data(), text.size());
    if (fd >= 0) {
        ::close(fd);
    }
    return {text.data(), size < 0 ? 0 : static_cast<std::size_t>(size)};
}

std::string name_of(int fd) {
    std::array<char, 4096> name{};
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    const ssize_t size = ::readlink(link.c_str(), name.data(), name.size());
    return {name.data(), size < 0 ? 0 : static_cast<std::size_t>(size)};
}

/// The first word of a text, which goes on after it.
std::string_view take_word(std::string_view& text) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(word.size());
    return word;
}

/// What the control file says of a call, "EIO" or "hang 500"; empty for nothing.
std::string effect_on(std::string_view call) {
    const std::string control = text_of(setting("FAULTDISK_CONTROL"));
    std::string_view rest = control;
    while (!rest.empty()) {
        std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        if (take_word(line) == call) {
            line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
            return std::string(line);
        }
    }
    return {};
}

void note(std::string_view call, std::string_view effect, std::string_view file) {
    const std::string_view path = setting("FAULTDISK_LOG");
    const int fd = path.empty() ? -1
                                : ::open(path.data(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
                                         S_IRUSR | S_IWUSR);
    if (fd < 0) {
        return;
    }
    std::string line(call);
    line.append(" ").append(effect).append(" ").append(file).append("\n");
    static_cast<void>(!::write(fd, line.data(), line.size()));
    ::close(fd);
}

/// Until the time is over, or the control file says otherwise.
void hang(std::string_view call, const std::string& effect) {
    std::string_view words = effect;
    take_word(words);
    const std::string_view number = take_word(words);
    long milliseconds = 0;
    std::from_chars(number.data(), number.data() + number.size(), milliseconds);
    const auto end = Steady::now() + std::chrono::milliseconds(milliseconds);
    while (Steady::now() < end && effect_on(call) == effect) {
        std::this_thread::sleep_for(kPoll);
    }
}

/// The error that the call is to fail with; 0 when it is to be made.
int fault(std::string_view call, int fd) {
    const int before = errno;
    const std::string effect = effect_on(call);
    const std::string file = effect.empty() ? std::string() : name_of(fd);
    const std::string_view wanted = setting("FAULTDISK_NAME");
    const bool meant = !effect.empty() && !wanted.empty() && file.find(wanted) != std::string::npos;
    if (meant) {
        note(call, effect, file);
    }
    if (meant && effect.starts_with("hang ")) {
        hang(call, effect);
    }
    errno = before;
    if (!meant) {
        return 0;
    }
    return effect == "EIO" ? EIO : effect == "ENOSPC" ? ENOSPC : effect == "EROFS" ? EROFS : 0;
}

template <class Function>
Function* behind(const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

template <class Result>
Result failed(int code) {
    errno = code;
    return -1;
}

}  // namespace

#define FAULTDISK_EXPORT extern "C" __attribute__((visibility("default")))

FAULTDISK_EXPORT int fdatasync(int fd) {
    static auto* const real = behind<int(int)>("fdatasync");
    const int code = fault("sync", fd);
    return code == 0 ? real(fd) : failed<int>(code);
}

FAULTDISK_EXPORT int fsync(int fd) {
    static auto* const real = behind<int(int)>("fsync");
    const int code = fault("sync", fd);
    return code == 0 ? real(fd) : failed<int>(code);
}

FAULTDISK_EXPORT ssize_t pwrite(int fd, const void* data, size_t size, off_t at) {
    static auto* const real = behind<ssize_t(int, const void*, size_t, off_t)>("pwrite");
    const int code = fault("write", fd);
    return code == 0 ? real(fd, data, size, at) : failed<ssize_t>(code);
}

FAULTDISK_EXPORT ssize_t pwrite64(int fd, const void* data, size_t size, off64_t at) {
    static auto* const real = behind<ssize_t(int, const void*, size_t, off64_t)>("pwrite64");
    const int code = fault("write", fd);
    return code == 0 ? real(fd, data, size, at) : failed<ssize_t>(code);
}
