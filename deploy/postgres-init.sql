CREATE DATABASE repo_agent;
