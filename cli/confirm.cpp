#include "cli/confirm.h"

#include <cstdio>
#include <iostream>
#include <unistd.h>

namespace clawsigner::cli {

bool is_meant(bool yes, const std::string& question) {
    if (yes || ::isatty(STDIN_FILENO) == 0) {
        return true;
    }
    std::fprintf(stderr, "%s [y/N] ", question.c_str());
    std::string answer;
    std::getline(std::cin, answer);
    return answer == "y" || answer == "yes";
}

}  // namespace clawsigner::cli
