#include "pkcs11/host_process.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <string>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace clawsigner::pkcs11::host {
namespace {

using namespace std::chrono_literals;

constexpr auto kLastWords = 200ms;    // for a death to be noted after its channel has closed
constexpr auto kOrderlyEnd = 1000ms;  // to finalise a module that is well

Error cannot_start(const char* what, int number) {
    Error error =
        Error::from_errno(std::string("cannot start the module's process: ") + what, number);
    error.code = ErrorCode::hsm_down;
    return error;
}

struct Pair {
    base::UniqueFd ours;
    base::UniqueFd theirs;
};

/// Their end stands above every descriptor the child will find its channels at, so that moving one
/// into its place does not close another.
Result<Pair> make_pair(int above) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return cannot_start("socketpair", errno);
    }
    Pair pair{base::UniqueFd(ends[0]), base::UniqueFd(ends[1])};
    pair.theirs.reset(::fcntl(pair.theirs.get(), F_DUPFD_CLOEXEC, above));
    if (!pair.theirs) {
        return cannot_start("fcntl", errno);
    }
    return pair;
}

class FileActions {
public:
    FileActions() { ::posix_spawn_file_actions_init(&actions_); }
    ~FileActions() { ::posix_spawn_file_actions_destroy(&actions_); }
    FileActions(const FileActions&) = delete;
    FileActions& operator=(const FileActions&) = delete;

    int open_null(int fd) {
        return ::posix_spawn_file_actions_addopen(&actions_, fd, "/dev/null", O_RDWR, 0);
    }
    int move(int from, int to) { return ::posix_spawn_file_actions_adddup2(&actions_, from, to); }
    const posix_spawn_file_actions_t* get() const { return &actions_; }

private:
    posix_spawn_file_actions_t actions_{};
};

/// Signals as a fresh program has them: ours are blocked.
class Attributes {
public:
    Attributes() {
        ::posix_spawnattr_init(&attributes_);
        sigset_t none{};
        sigemptyset(&none);
        ::posix_spawnattr_setsigmask(&attributes_, &none);
        ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK);
    }
    ~Attributes() { ::posix_spawnattr_destroy(&attributes_); }
    Attributes(const Attributes&) = delete;
    Attributes& operator=(const Attributes&) = delete;

    const posix_spawnattr_t* get() const { return &attributes_; }

private:
    posix_spawnattr_t attributes_{};
};

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    pointers.reserve(texts.size() + 1);
    for (std::string& text : texts) {
        pointers.push_back(text.data());
    }
    pointers.push_back(nullptr);
    return pointers;
}

Result<pid_t> spawn(const HostProgram& program, const std::vector<Pair>& pairs) {
    FileActions actions;
    // Standard error stays ours, for what a module has to say when it does not load.
    for (const int standard : {STDIN_FILENO, STDOUT_FILENO}) {
        if (const int failed = actions.open_null(standard); failed != 0) {
            return cannot_start("/dev/null", failed);
        }
    }
    int target = kFirstFd;
    for (const Pair& pair : pairs) {
        if (const int failed = actions.move(pair.theirs.get(), target++); failed != 0) {
            return cannot_start("descriptors", failed);
        }
    }
    std::vector<std::string> arguments{"clawsignerd", "module-host", "--lanes",
                                       std::to_string(pairs.size() - 1)};
    std::vector<std::string> environment;
    environment.reserve(program.environment.size());
    for (const auto& [name, value] : program.environment) {
        environment.emplace_back(name).append("=").append(value);
    }
    const Attributes attributes;
    pid_t pid = -1;
    const int failed =
        ::posix_spawn(&pid, program.executable.c_str(), actions.get(), attributes.get(),
                      pointers_to(arguments).data(), pointers_to(environment).data());
    if (failed != 0) {
        return cannot_start(program.executable.c_str(), failed);
    }
    return pid;
}

std::string end_of(const siginfo_t& info) {
    if (info.si_code == CLD_EXITED) {
        return "ended with exit code " + std::to_string(info.si_status);
    }
    const char* name = ::sigdescr_np(info.si_status);
    return "ended by signal " + std::to_string(info.si_status) +
           (name == nullptr ? std::string() : " (" + std::string(name) + ")");
}

}  // namespace

Result<std::unique_ptr<Process>> Process::start(const HostProgram& program, std::size_t lanes,
                                                OnEnd on_end) {
    std::vector<Pair> pairs;
    for (std::size_t i = 0; i < lanes + 1; ++i) {
        TRY(auto pair, make_pair(kFirstFd + static_cast<int>(lanes) + 1));
        pairs.push_back(std::move(pair));
    }
    TRY(const pid_t pid, spawn(program, pairs));
    std::unique_ptr<Process> process(new Process());
    process->pid_ = pid;
    process->on_end_ = std::move(on_end);
    process->control_ = std::make_unique<Channel>(std::move(pairs.front().ours));
    for (std::size_t i = 1; i < pairs.size(); ++i) {
        process->lanes_.emplace_back(std::move(pairs[i].ours));
    }
    process->watcher_ = std::thread([raw = process.get()] { raw->watch(); });
    return process;
}

Process::~Process() {
    {
        const std::lock_guard lock(mutex_);
        let_go_ = true;
    }
    control_.reset();
    lanes_.clear();
    if (!wait_until_ended(kOrderlyEnd)) {
        kill();
    }
    watcher_.join();
    siginfo_t reaped{};
    ::waitid(P_PID, static_cast<id_t>(pid_), &reaped, WEXITED);
}

/// The process is not reaped here, so that its number stays its own for as long as kill() may come.
void Process::watch() {
    siginfo_t info{};
    while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT) != 0 &&
           errno == EINTR) {
    }
    const std::string how = end_of(info);
    bool unasked = false;
    {
        const std::lock_guard lock(mutex_);
        how_ = how;
        unasked = !let_go_;
    }
    ended_.notify_all();
    if (unasked && on_end_) {
        on_end_(how);
    }
}

void Process::kill() noexcept {
    ::kill(pid_, SIGKILL);
}

bool Process::wait_until_ended(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    return ended_.wait_for(lock, patience, [this] { return how_.has_value(); });
}

std::optional<std::string> Process::how_it_ended() {
    wait_until_ended(kLastWords);
    const std::lock_guard lock(mutex_);
    return how_;
}

}  // namespace clawsigner::pkcs11::host
