// Input of Relay's compiler: a page of a connection with a next page, a mutation, a subscription.
import { graphql } from "relay-runtime";

export const Page = graphql`
  query chatsPageQuery($count: Int!, $cursor: String) {
    ...chatsList @arguments(count: $count, cursor: $cursor)
  }
`;

export const List = graphql`
  fragment chatsList on Query
  @argumentDefinitions(count: { type: "Int!" }, cursor: { type: "String" })
  @refetchable(queryName: "chatsListPaginationQuery") {
    chats(first: $count, after: $cursor) @connection(key: "List_chats") {
      edges {
        node {
          id
          ...chatsItem
        }
      }
      changeCursor
    }
  }
`;

export const Item = graphql`
  fragment chatsItem on Chat {
    jid
    name
    archived
    messages(first: 3) @connection(key: "Item_messages") {
      edges {
        node {
          id
          text
        }
      }
    }
  }
`;

export const Update = graphql`
  mutation chatsUpdateMutation($input: UpdateChatInput!) {
    updateChat(input: $input) {
      chat {
        ...chatsItem
      }
    }
  }
`;

export const Changes = graphql`
  subscription chatsChangesSubscription($after: String) {
    chatChanges(after: $after) {
      cursor
      change {
        changed
        chat {
          ...chatsItem
        }
      }
    }
  }
`;

export const Refetch = graphql`
  query chatsRefetchQuery($id: ID!) {
    node(id: $id) {
      ...chatsItem @alias(as: "item")
    }
  }
`;
