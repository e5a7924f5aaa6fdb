#include "votes.hpp"
