#include "fuzz/fuzz.h"

#ifdef CLAWSIGNER_LIBFUZZER

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    clawsigner::fuzz::fuzz({data, size});
    return 0;
}

#else

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

// Replays every file of the directories given: the corpus, and whatever once broke a target.
int main(int argc, char** argv) {
    int files = 0;
    for (int i = 1; i < argc; ++i) {
        for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
            std::ifstream file(entry.path(), std::ios::binary);
            const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
            std::printf("%s\n", entry.path().c_str());
            std::fflush(stdout);
            clawsigner::fuzz::fuzz(
                {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
            ++files;
        }
    }
    std::printf("%d inputs replayed\n", files);
    return files > 0 ? 0 : 1;
}

#endif
