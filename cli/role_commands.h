#pragma once

#include "cli/commands.h"

#include <string>
#include <vector>

namespace clawsigner::cli {

/// Who is to have a role, and what the change is for.
struct RoleTerms {
    std::string role;
    std::vector<std::string> users;  // names or numbers
    std::vector<std::string> groups;
    std::string why;
};

/// Each prints and returns its exit code.
int show_roles(const Connection& to);
int set_role(const Connection& to, const RoleTerms& terms);

}  // namespace clawsigner::cli
