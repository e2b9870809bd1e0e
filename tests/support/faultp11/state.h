#pragma once

#include "faultp11/functions.h"
#include "faultp11/script.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

namespace faultp11 {

/// One counter of the state file, with its name beside it: the file explains itself.
struct Record {
    std::array<char, 56> name;
    std::atomic<std::uint64_t> value;
};
static_assert(sizeof(Record) == 64 && std::atomic<std::uint64_t>::is_always_lock_free);

/// The counters that a test reads, in memory that all processes share and that outlives them.
class State {
public:
    /// `path` null or empty: counters that nobody outside sees. Null when the file cannot be had.
    static std::unique_ptr<State> open(const char* path);
    ~State();
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    void count_call(Function function);
    void count_login(CK_RV answer);
    void count_crash();

    /// Counts one more call that this line is about. Returns how many came before it.
    std::uint64_t reach(const Line& line);
    void fire(const Line& line);

    /// Starts the lines' counters anew unless another process did so for this script.
    void begin_script(std::uint64_t stamp, std::size_t error_line);

    /// How many sessions this process has now.
    void set_sessions(std::uint64_t count);

private:
    static constexpr std::size_t kProcesses = 16;
    struct LineRecords {
        Record reached, fired;
    };
    struct ProcessRecords {
        Record pid, sessions;
    };
    struct Layout {
        Record script_stamp, script_error, sessions_open, sessions_most, logins_tried, pins_refused,
            crashes;
        std::array<Record, kFunctions> calls;
        std::array<LineRecords, kMaxLines> lines;
        std::array<ProcessRecords, kProcesses> processes;
    };

    explicit State(Layout& layout) : layout_(&layout) {}
    void write_names();
    void forget_the_dead();
    void claim_process();

    Layout* layout_;
    ProcessRecords* process_ = nullptr;
};

}  // namespace faultp11
