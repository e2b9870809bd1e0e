#include "ledger/readers.h"

#include "ledger/schema.h"

namespace clawsigner::ledger {

Result<std::unique_ptr<Readers::Reader>> Readers::borrow() {
    {
        const std::lock_guard lock(mutex_);
        if (!idle_.empty()) {
            auto reader = std::move(idle_.back());
            idle_.pop_back();
            return reader;
        }
    }
    TRY(Database database, open_reader(file_));
    // The view's statements hold on to the database's place.
    auto reader = std::make_unique<Reader>(Reader{std::move(database), View()});
    TRY(reader->view, View::of(reader->database));
    return reader;
}

void Readers::give_back(std::unique_ptr<Reader> reader) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(reader));
}

}  // namespace clawsigner::ledger
