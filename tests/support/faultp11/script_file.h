#pragma once

#include "faultp11/script.h"
#include "faultp11/state.h"

#include <memory>
#include <mutex>
#include <string>

namespace faultp11 {

/// The script as it stands in its file now.
class ScriptFile {
public:
    /// `path` empty: a script without lines. `state` outlives it.
    ScriptFile(std::string path, State& state) : path_(std::move(path)), state_(state) {}

    /// Looks at the file's time, size and inode, and reads it only when they have changed. A file
    /// that is not there has no lines.
    std::shared_ptr<const Script> current();

private:
    std::shared_ptr<const Script> read() const;

    const std::string path_;
    State& state_;
    std::mutex mutex_;
    std::uint64_t stamp_ = 0;
    std::shared_ptr<const Script> script_ = std::make_shared<Script>();
};

}  // namespace faultp11
