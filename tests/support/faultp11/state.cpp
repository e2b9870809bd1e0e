#include "faultp11/state.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <sched.h>
#include <signal.h>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

namespace faultp11 {
namespace {

// A stamp that no script has: its line counters are being cleared.
constexpr std::uint64_t kClearing = 1;
constexpr int kMostYields = 10'000;

void name(Record& record, const std::string& text) {
    std::copy_n(text.begin(), std::min(text.size(), record.name.size() - 1), record.name.begin());
}

void* map_shared(const char* path, std::size_t size) {
    if (path == nullptr || *path == '\0') {
        return ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    }
    const int fd = ::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return MAP_FAILED;
    }
    void* memory = MAP_FAILED;
    if (::ftruncate(fd, static_cast<off_t>(size)) == 0) {
        memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    ::close(fd);
    return memory;
}

/// A killed process counts as dead also while nobody has waited for it.
bool is_dead(pid_t pid) {
    if (::kill(pid, 0) != 0 && errno == ESRCH) {
        return true;
    }
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    const std::string stat((std::istreambuf_iterator<char>(file)),
                           std::istreambuf_iterator<char>());
    const std::size_t after_name = stat.rfind(") ");
    return after_name != std::string::npos && stat[after_name + 2] == 'Z';
}

void raise_to(std::atomic<std::uint64_t>& most, std::uint64_t value) {
    std::uint64_t seen = most.load();
    while (seen < value && !most.compare_exchange_weak(seen, value)) {
    }
}

bool is_pin_refusal(CK_RV rv) {
    return rv == CKR_PIN_INCORRECT || rv == CKR_PIN_INVALID || rv == CKR_PIN_LEN_RANGE ||
           rv == CKR_PIN_EXPIRED || rv == CKR_PIN_LOCKED;
}

}  // namespace

std::unique_ptr<State> State::open(const char* path) {
    void* const memory = map_shared(path, sizeof(Layout));
    if (memory == MAP_FAILED) {
        return nullptr;
    }
    std::unique_ptr<State> state(new State(*static_cast<Layout*>(memory)));
    state->write_names();
    state->forget_the_dead();
    state->claim_process();
    return state;
}

State::~State() {
    set_sessions(0);
    if (process_ != nullptr) {
        process_->pid.value = 0;
    }
    ::munmap(layout_, sizeof(Layout));
}

void State::write_names() {
    name(layout_->script_stamp, "script.stamp");
    name(layout_->script_error, "script.error");
    name(layout_->sessions_open, "sessions.open");
    name(layout_->sessions_most, "sessions.most");
    name(layout_->logins_tried, "logins.tried");
    name(layout_->pins_refused, "pins.refused");
    name(layout_->crashes, "crashes");
    for (std::size_t i = 0; i < kFunctions; ++i) {
        name(layout_->calls[i], "calls." + std::string(kFunctionNames[i]));
    }
    for (std::size_t i = 0; i < kMaxLines; ++i) {
        name(layout_->lines[i].reached, "line." + std::to_string(i + 1) + ".reached");
        name(layout_->lines[i].fired, "line." + std::to_string(i + 1) + ".fired");
    }
    for (std::size_t i = 0; i < kProcesses; ++i) {
        name(layout_->processes[i].pid, "process." + std::to_string(i + 1) + ".pid");
        name(layout_->processes[i].sessions, "process." + std::to_string(i + 1) + ".sessions");
    }
}

void State::forget_the_dead() {
    for (ProcessRecords& process : layout_->processes) {
        std::uint64_t pid = process.pid.value.load();
        if (pid != 0 && is_dead(static_cast<pid_t>(pid))) {
            layout_->sessions_open.value -= process.sessions.value.exchange(0);
            process.pid.value.compare_exchange_strong(pid, 0);
        }
    }
}

void State::claim_process() {
    const auto own = static_cast<std::uint64_t>(::getpid());
    for (ProcessRecords& process : layout_->processes) {
        std::uint64_t nobody = 0;
        if (process.pid.value.load() == own ||
            process.pid.value.compare_exchange_strong(nobody, own)) {
            process_ = &process;
            return;
        }
    }
}

void State::count_call(Function function) {
    ++layout_->calls[static_cast<std::size_t>(function)].value;
}

void State::count_login(CK_RV answer) {
    ++layout_->logins_tried.value;
    if (is_pin_refusal(answer)) {
        ++layout_->pins_refused.value;
    }
}

void State::count_crash() {
    ++layout_->crashes.value;
}

std::uint64_t State::reach(const Line& line) {
    return layout_->lines[line.number - 1].reached.value.fetch_add(1);
}

void State::fire(const Line& line) {
    ++layout_->lines[line.number - 1].fired.value;
}

void State::begin_script(std::uint64_t stamp, std::size_t error_line) {
    auto& current = layout_->script_stamp.value;
    std::uint64_t seen = current.load();
    // Bounded: whoever was clearing may have been killed.
    for (int i = 0; seen == kClearing && i < kMostYields; ++i) {
        ::sched_yield();
        seen = current.load();
    }
    if (seen == stamp || !current.compare_exchange_strong(seen, kClearing)) {
        return;
    }
    for (LineRecords& line : layout_->lines) {
        line.reached.value = 0;
        line.fired.value = 0;
    }
    layout_->script_error.value = error_line;
    current = stamp;
}

void State::set_sessions(std::uint64_t count) {
    if (process_ == nullptr) {
        return;
    }
    // Unsigned arithmetic wraps: adding the difference is right also when it is negative.
    const std::uint64_t change = count - process_->sessions.value.exchange(count);
    raise_to(layout_->sessions_most.value, layout_->sessions_open.value.fetch_add(change) + change);
}

}  // namespace faultp11
