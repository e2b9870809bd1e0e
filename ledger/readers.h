#pragma once

#include "base/result.h"
#include "ledger/database.h"
#include "ledger/view.h"

#include <filesystem>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace clawsigner::ledger {

/// Connections that read beside the writer, opened when they are needed and kept. Thread-safe.
class Readers {
public:
    explicit Readers(std::filesystem::path file) : file_(std::move(file)) {}

    /// Calls `read` with a view that nobody else has meanwhile.
    template <class Read>
    auto with(Read&& read) -> decltype(read(std::declval<View&>())) {
        TRY(auto reader, borrow());
        auto result = std::forward<Read>(read)(reader->view);
        give_back(std::move(reader));
        return result;
    }

private:
    struct Reader {
        Database database;
        View view;
    };

    Result<std::unique_ptr<Reader>> borrow();
    void give_back(std::unique_ptr<Reader> reader);

    std::filesystem::path file_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<Reader>> idle_;
};

}  // namespace clawsigner::ledger
