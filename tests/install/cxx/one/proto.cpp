// Uses proto: the description of the services is there.
#include "virtufin/proto/descriptor_set.hpp"

int main() { return virtufin::ServiceDescriptorSet().empty() ? 1 : 0; }
