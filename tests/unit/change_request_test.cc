#include "fs/fuse/change_request.h"

#include <gtest/gtest.h>

namespace granary {
namespace {

TEST(ChangeRequest, WhatIsAskedIsUnderstood) {
  for (const ChangeRequest& request :
       {ChangeRequest{"proxy", {"http://a:1|http://b:1;DIRECT"}}, ChangeRequest{"mirror", {"http://a/r", "http://b/r"}},
        ChangeRequest{"mirror", {}}}) {
    const auto understood = ChangeRequest::parse(request.question());
    ASSERT_TRUE(understood) << request.question();
    EXPECT_EQ(understood->option, request.option);
    EXPECT_EQ(understood->values, request.values);
  }
}

TEST(ChangeRequest, OnlyWhatMayChangeUnderALiveMountIsOne) {
  for (const char* question :
       {"", "change", "change ", "change trust /tmp/trust", "change proxyx a", "stat", "proxy a"})
    EXPECT_FALSE(ChangeRequest::parse(question)) << question;
}

}  // namespace
}  // namespace granary
