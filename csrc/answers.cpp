#include "answers.hpp"
